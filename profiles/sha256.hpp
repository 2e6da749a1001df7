// SHA-256 (FIPS 180-4), by libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
std::string hex(const Sha256& digest);
std::optional<Sha256> parse_hex(std::string_view text);  // 64 lower-case digits

}  // namespace cordon
