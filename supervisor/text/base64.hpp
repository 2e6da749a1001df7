// Base64 of RFC 4648, section 4, and nothing that only looks like it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon {

std::string base64(std::string_view bytes);

// nullopt unless the text is exactly what base64() would have written: padded, no white space, no stray bits.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace cordon
