#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cli/failure.hpp"

namespace cordon::cli {
namespace {

// How long the UTF-8 sequence is that this byte opens; 0 when none begins so (Unicode 15, table 3-7).
std::size_t sequence_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

std::size_t continuation_bytes(std::string_view bytes) {
  std::size_t n = 0;
  while (n < bytes.size() && (static_cast<unsigned char>(bytes[n]) & 0xC0U) == 0x80) ++n;
  return n;
}

std::uint32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  std::uint32_t value = first & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1)) value = value << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return value;
}

bool is_canonical(std::uint32_t value, std::size_t length) {
  if (length == 3) return value >= 0x800 && (value < 0xD800 || value > 0xDFFF);
  if (length == 4) return value >= 0x10000 && value <= 0x10FFFF;
  return true;
}

bool acts_on_a_terminal(std::uint32_t value) {
  if (value < 0x20 || (value >= 0x7F && value <= 0x9F)) return value != '\n' && value != '\t';
  return value == 0x061C || value == 0x200E || value == 0x200F || value == 0x2028 || value == 0x2029 ||
         (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

void show_byte(std::string& out, char byte) {
  out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
}

// Moves one character of `in` to `out`; false when `in` may be the beginning of something and more is to come.
bool move_one(std::string_view& in, std::string& out, bool more_to_come) {
  const auto length = sequence_length(static_cast<unsigned char>(in[0]));
  if (length == 0) {
    show_byte(out, in[0]);
    in.remove_prefix(1);
    return true;
  }
  if (in[0] == '\r') {
    if (in.size() == 1 && more_to_come) return false;
    if (in.size() > 1 && in[1] == '\n') return in.remove_prefix(1), true;
  }
  if (1 + continuation_bytes(in.substr(1, length - 1)) < length) {
    if (1 + continuation_bytes(in.substr(1)) == in.size() && more_to_come) return false;
    show_byte(out, in[0]);
    in.remove_prefix(1);
    return true;
  }
  const auto value = code_point(in.substr(0, length));
  if (!is_canonical(value, length)) {
    for (const char c : in.substr(0, length)) show_byte(out, c);
  } else if (!acts_on_a_terminal(value)) {
    out += in.substr(0, length);
  } else {
    out += value < 0x80 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{:04x}", value);
  }
  in.remove_prefix(length);
  return true;
}

}  // namespace

std::string TerminalFilter::feed(std::string_view bytes) {
  const std::string all = std::exchange(held_, {}).append(bytes);
  std::string_view in = all;
  std::string out;
  while (!in.empty() && move_one(in, out, true)) continue;
  held_ = in;
  return out;
}

std::string TerminalFilter::finish() {
  const std::string rest = std::exchange(held_, {});
  std::string_view in = rest;
  std::string out;
  while (!in.empty()) move_one(in, out, false);
  return out;
}

std::string for_terminal(std::string_view bytes) {
  TerminalFilter filter;
  auto out = filter.feed(bytes);
  return out += filter.finish();
}

std::string for_one_line(std::string_view bytes) {
  std::string out;
  for (const char c : for_terminal(bytes)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out;
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return false;
    if (n < 0) throw Failure(fmt::format("cannot write the output: {}", std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace cordon::cli
