// IP addresses and prefixes as values, with one strict reader for their text. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon {

// IPv4 addresses come before IPv6 ones; both compare as numbers.
class IpAddress {
 public:
  using Octets = std::array<std::uint8_t, 16>;

  constexpr IpAddress() = default;                            // 0.0.0.0
  constexpr explicit IpAddress(std::uint32_t host_order_v4);  // 0x7f000001 is 127.0.0.1
  constexpr explicit IpAddress(const Octets& v6) : v6_(true), octets_(v6) {}

  constexpr bool is_v6() const { return v6_; }
  constexpr unsigned bits() const { return v6_ ? 128 : 32; }
  constexpr std::uint32_t v4() const;                         // in host order; 0 of an IPv6 address
  constexpr const Octets& octets() const { return octets_; }  // network order; of IPv4 the first four
  std::string text() const;                                   // RFC 5952
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of what is made here for a pointer
  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  bool v6_ = false;
  Octets octets_{};
};

constexpr IpAddress::IpAddress(std::uint32_t a)
    : octets_{static_cast<std::uint8_t>(a >> 24), static_cast<std::uint8_t>(a >> 16), static_cast<std::uint8_t>(a >> 8),
              static_cast<std::uint8_t>(a)} {}

constexpr std::uint32_t IpAddress::v4() const {
  if (v6_) return 0;
  return std::uint32_t{octets_[0]} << 24 | std::uint32_t{octets_[1]} << 16 | std::uint32_t{octets_[2]} << 8 |
         octets_[3];
}

// IPv4 as four decimal parts that print again identically (no octal, hexadecimal or short forms); IPv6 as inet_pton(3)
// reads it: no zone, no brackets.
std::optional<IpAddress> parse_ip_address(std::string_view text);

// "192.0.2.0/24": no bit is set behind the prefix.
struct Cidr {
  IpAddress base;
  std::uint8_t prefix = 0;  // bits

  bool contains(const IpAddress& address) const;
  bool overlaps(const Cidr& other) const;
  IpAddress last() const;
  std::string text() const { return base.text() + "/" + std::to_string(prefix); }
  constexpr auto operator<=>(const Cidr&) const = default;
};
std::optional<Cidr> parse_cidr(std::string_view text);
// The prefix that this address belongs to: what is behind it is cleared.
Cidr prefix_of(const IpAddress& address, std::uint8_t prefix);

}  // namespace cordon
