#include "netfilter/http/request_head.hpp"

#include <array>
#include <charconv>

#include "netfilter/http/characters.hpp"
#include "netfilter/http/request_target.hpp"

namespace cordon::egress {

namespace {

constexpr std::string_view version = "HTTP/1.1", line_end = "\r\n";
constexpr std::size_t most_method = 32;

using Fault = std::optional<FlowReason>;
constexpr auto bad = FlowReason::bad_request;

std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end || value > most) return std::nullopt;
  return value;
}

// Methods that make something else of a connection, or of the answer. A server may take any case for them.
Fault check_method(std::string_view method) {
  if (!is_token(method) || method.size() > most_method) return bad;
  for (const auto* refused : {"CONNECT", "TRACE", "TRACK", "PRI"})
    if (same_word(method, refused)) return FlowReason::method_refused;
  return std::nullopt;
}

Fault read_request_line(std::string_view line, RequestHead& head) {
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last || line.find(' ', first + 1) != last) return bad;
  head.method = line.substr(0, first);
  if (const auto fault = check_method(head.method)) return fault;
  if (line.substr(last + 1) != version) return bad;
  auto target = read_request_target(head.method, line.substr(first + 1, last - first - 1));
  if (!target) return bad;
  head.target = std::move(target->origin);
  head.target_authority = std::move(target->authority);
  return std::nullopt;
}

// Fields between two neighbours only (RFC 9110 7.6.1), and trailers, which are not passed on.
bool ends_here(std::string_view name) {
  constexpr std::array names{"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
                             "te",         "trailer"};
  return std::any_of(names.begin(), names.end(), [name](const char* one) { return same_word(name, one); });
}

// Servers that turn '_' into '-' would read framing in these.
bool imitates_framing(std::string_view name) {
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '_', '-');
  if (plain == name) return false;
  constexpr std::array names{"host", "content-length", "transfer-encoding", "connection"};
  return std::any_of(names.begin(), names.end(), [&plain](const char* one) { return same_word(plain, one); });
}

// "close", "keep-alive", "te": any other word would name a field that is to be left out.
Fault check_connection(std::string_view value) {
  for (bool more = true; more;) {
    const auto comma = value.find(',');
    const auto word = trimmed(value.substr(0, comma));
    if (same_word(word, "upgrade") || same_word(word, "http2-settings")) return FlowReason::upgrade_refused;
    if (!same_word(word, "close") && !same_word(word, "keep-alive") && !same_word(word, "te")) return bad;
    more = comma != value.npos;
    if (more) value.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

struct Seen {
  bool host = false, length = false, coding = false;
};

Fault read_host(std::string_view value, RequestHead& head, Seen& seen) {
  auto authority = read_authority(value);
  if (std::exchange(seen.host, true) || !authority) return bad;
  head.host = std::move(authority->host);
  head.host_port = authority->port;
  return std::nullopt;
}

Fault read_length(std::string_view value, RequestHead& head, Seen& seen) {
  constexpr std::uint64_t most = std::uint64_t{1} << 50;
  head.length = read_number(value, most);
  if (std::exchange(seen.length, true) || !head.length) return bad;
  return std::nullopt;
}

Fault read_coding(std::string_view value, RequestHead& head, Seen& seen) {
  if (std::exchange(seen.coding, true) || !same_word(value, "chunked")) return bad;
  head.chunked = true;
  return std::nullopt;
}

Fault read_field(std::string_view line, RequestHead& head, Seen& seen) {
  const auto colon = line.find(':');
  if (colon == line.npos) return bad;
  const auto name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (!is_token(name) || !is_field_value(value) || imitates_framing(name)) return bad;
  if (same_word(name, "host")) return read_host(value, head, seen);
  if (same_word(name, "content-length")) return read_length(value, head, seen);
  if (same_word(name, "transfer-encoding")) return read_coding(value, head, seen);
  if (same_word(name, "connection")) return check_connection(value);
  if (same_word(name, "upgrade") || same_word(name, "http2-settings")) return FlowReason::upgrade_refused;
  if (ends_here(name)) return std::nullopt;
  if (head.fields.size() == most_fields) return FlowReason::head_too_large;
  head.fields.emplace_back(name, value);
  return std::nullopt;
}

// The next whole line without its end. A line feed or a carriage return alone ends no line, and may not stand in one.
std::optional<std::string_view> next_line(std::string_view in) {
  const auto end = in.find(line_end);
  if (end == in.npos) return std::nullopt;
  return in.substr(0, end);
}

bool has_bare_end(std::string_view line) {
  return line.find_first_of("\r\n") != line.npos;
}

// What has come of a line; a carriage return at its very end may be half of the line's end.
HeadRead unfinished(std::string_view part) {
  if (part.ends_with('\r')) part.remove_suffix(1);
  if (has_bare_end(part)) return bad;
  return HeadIncomplete{};
}

HeadRead finish(RequestHead head, const Seen& seen, std::size_t bytes) {
  if (!seen.host || (head.chunked && head.length)) return bad;
  head.bytes = bytes;
  return head;
}

HeadRead read_lines(std::string_view so_far) {
  RequestHead head;
  Seen seen;
  std::size_t at = 0;
  for (bool first = true;; first = false) {
    const auto line = next_line(so_far.substr(at));
    if (!line) return unfinished(so_far.substr(at));
    if (has_bare_end(*line)) return bad;
    at += line->size() + line_end.size();
    if (!first && line->empty()) return finish(std::move(head), seen, at);
    const auto fault = first ? read_request_line(*line, head) : read_field(*line, head, seen);
    if (fault) return *fault;
  }
}

}  // namespace

std::optional<Authority> read_authority(std::string_view text) {
  const auto colon = text.find(':');
  Authority authority{std::string(text.substr(0, colon)), std::nullopt};
  const auto is_host_byte = [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "-."); };
  if (authority.host.empty() || !std::all_of(authority.host.begin(), authority.host.end(), is_host_byte))
    return std::nullopt;
  if (colon == text.npos) return authority;
  const auto digits = text.substr(colon + 1);
  const auto port = read_number(digits, 65535);
  if (!port || *port == 0 || digits != std::to_string(*port)) return std::nullopt;
  authority.port = static_cast<std::uint16_t>(*port);
  return authority;
}

HeadRead read_request_head(std::string_view so_far, std::size_t max_bytes) {
  auto read = read_lines(so_far.substr(0, max_bytes));
  if (std::holds_alternative<HeadIncomplete>(read) && so_far.size() >= max_bytes) return FlowReason::head_too_large;
  return read;
}

std::string write_request_head(const RequestHead& head, std::string_view authority) {
  std::string out = head.method + " " + head.target + " HTTP/1.1\r\nHost: ";
  out.append(authority).append(line_end);
  for (const auto& [name, value] : head.fields) out.append(name).append(": ").append(value).append(line_end);
  if (head.chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (head.length) out.append("Content-Length: ").append(std::to_string(*head.length)).append(line_end);
  return out.append("Connection: close\r\n\r\n");
}

}  // namespace cordon::egress
