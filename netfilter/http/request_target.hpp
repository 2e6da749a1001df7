// What a request line asks for. Pure. Source: RFC 9112 3.2, RFC 3986 3.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon::egress {

struct RequestTarget {
  std::string origin;                    // "/path?query", or "*"
  std::optional<std::string> authority;  // of "http://authority/path"
};

// Nothing for what is malformed, and for what readers of paths disagree about: backslashes, fragments, raw bytes beyond
// ASCII, an escape that is none or that is NUL, and dot segments, escaped or not (clients resolve those before they
// ask).
std::optional<RequestTarget> read_request_target(std::string_view method, std::string_view text);

}  // namespace cordon::egress
