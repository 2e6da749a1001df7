#include <sodium/crypto_hash_sha256.h>

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

}  // namespace cordon
