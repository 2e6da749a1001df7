#include "supervisor/http/framing.hpp"

#include <algorithm>

namespace cordon {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

struct Seen {
  int lengths = 0, encodings = 0, hosts = 0;
};

std::string length_fault(std::string_view value) {
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
  return digits && value.size() <= 18 ? "" : "Content-Length is not one number";
}

std::string field_fault(std::string_view line, Seen& seen) {
  if (line.front() == ' ' || line.front() == '\t') return "a header line begins with white space (obsolete folding)";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return "a header line has no name";
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (name.find_first_of(" \t") != std::string_view::npos) return "a header name has white space in it";
  if (same_name(name, "host") && ++seen.hosts > 1) return "Host is there more than once";
  if (same_name(name, "content-length")) {
    if (++seen.lengths > 1) return "Content-Length is there more than once";
    return length_fault(value);
  }
  if (same_name(name, "transfer-encoding")) {
    if (++seen.encodings > 1) return "Transfer-Encoding is there more than once";
    if (!same_name(value, "chunked")) return "Transfer-Encoding is something else than chunked";
  }
  return "";
}

}  // namespace

std::string framing_fault(std::string_view head) {
  Seen seen;
  auto end = head.find("\r\n");
  const auto request_line = head.substr(0, end);
  if (std::any_of(request_line.begin(), request_line.end(), is_forbidden))
    return "a control character in the request line";
  while (end != std::string_view::npos) {
    head.remove_prefix(end + 2);
    end = head.find("\r\n");
    const auto line = head.substr(0, end);
    if (line.empty()) break;
    if (std::any_of(line.begin(), line.end(), is_forbidden)) return "a control character in a header line";
    auto fault = field_fault(line, seen);
    if (!fault.empty()) return fault;
  }
  if (seen.lengths > 0 && seen.encodings > 0) return "both Content-Length and Transfer-Encoding";
  if (seen.encodings > 0 && request_line.ends_with("HTTP/1.0")) return "Transfer-Encoding in HTTP/1.0";
  return "";
}

}  // namespace cordon
