// IPv4 addresses and networks as four decimal parts, which is the only form that is taken: what another parser could
// read otherwise (octal, hexadecimal, fewer parts) is refused. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon {

using Ipv4 = std::uint32_t;  // in the host's byte order: 127.0.0.1 is 0x7f000001

struct Ipv4Network {
  Ipv4 address = 0;         // with no bit set behind the prefix
  std::uint8_t prefix = 0;  // 0..32
  bool operator==(const Ipv4Network&) const = default;
};

std::optional<Ipv4> parse_ipv4(std::string_view text);                 // only what to_text writes
std::optional<Ipv4Network> parse_ipv4_network(std::string_view text);  // "a.b.c.d/n" or an address, which is /32

std::string to_text(Ipv4 address);
std::string to_text(Ipv4Network network);  // always with its prefix

constexpr Ipv4 mask_of(std::uint8_t prefix) {
  return prefix == 0 ? 0 : ~Ipv4{0} << (32 - prefix);
}
constexpr bool contains(Ipv4Network network, Ipv4 address) {
  return (address & mask_of(network.prefix)) == network.address;
}
constexpr bool contains(Ipv4Network outer, Ipv4Network inner) {
  return inner.prefix >= outer.prefix && contains(outer, inner.address);
}
constexpr bool overlap(Ipv4Network a, Ipv4Network b) {
  return contains(a, b) || contains(b, a);
}

}  // namespace cordon
