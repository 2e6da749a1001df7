// Where one request ends and the next begins must not be a matter of opinion (RFC 9112, section 11.2: smuggling). Looks
// at the raw head before any parser does. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cordon {

inline constexpr std::size_t max_head_bytes = std::size_t{64} * 1024;
inline constexpr std::size_t max_body_bytes = std::size_t{16} << 20;

// `head` is everything up to and with the empty line. Says what is ambiguous, or "" when nothing is.
std::string framing_fault(std::string_view head);

}  // namespace cordon
