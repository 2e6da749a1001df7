// The one canonical form of a host name: what a grant, a DNS question, a TLS server name and a Host field are compared
// in, what is resolved and what is logged. Pure.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace cordon {

inline constexpr std::size_t max_host_name = 253;  // RFC 1035, 2.3.4, without the root's dot
inline constexpr std::size_t max_host_label = 63;  // the same

// Lower-case labels of [a-z0-9-] with single dots between them, none beginning or ending with '-'; the last one is no
// number, decimal or hexadecimal: that would be an address to somebody (WHATWG URL, "ends in a number"). Upper case is
// taken and lowered; everything else (a trailing dot, NUL, '%', '_', '*', brackets, userinfo, non-ASCII) is refused.
// The error says why, in words for people.
tl::expected<std::string, std::string_view> canonical_host_name(std::string_view text);

// A grant's name: a canonical name of two labels or more, or "*." before one, which stands for one or more labels.
tl::expected<std::string, std::string_view> canonical_name_pattern(std::string_view text);

constexpr bool is_wildcard(std::string_view pattern) {
  return pattern.starts_with("*.");
}

// Both canonical. `pattern` may be a wildcard; `name` may be one, too: is all that it stands for covered?
bool covers_name(std::string_view pattern, std::string_view name);

}  // namespace cordon
