#include <sodium/crypto_hash_sha256.h>

#include <charconv>

#include "profiles/profile.hpp"

namespace cordon {

Sha256 sha256(std::string_view bytes) {
  Sha256 out;
  static_assert(crypto_hash_sha256_BYTES == sizeof out);
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return out;
}

std::string hex(const Sha256& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : digest) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

std::optional<Sha256> parse_hex(std::string_view text) {
  Sha256 out{};
  if (text.size() != 2 * out.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, out[i], 16);
    if (error != std::errc() || end != text.data() + 2 * i + 2) return std::nullopt;
  }
  if (hex(out) != text) return std::nullopt;  // capitals
  return out;
}

}  // namespace cordon
