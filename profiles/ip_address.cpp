#include "profiles/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace cordon {

namespace {

// What is behind the prefix, cleared or set.
IpAddress with_rest(const IpAddress& address, std::uint8_t prefix, bool set) {
  auto octets = address.octets();
  for (unsigned bit = prefix; bit < address.bits(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    auto& octet = octets[bit / 8];
    octet = static_cast<std::uint8_t>(set ? octet | mask : octet & ~mask);
  }
  if (address.is_v6()) return IpAddress(octets);
  std::uint32_t v4 = 0;
  for (unsigned i = 0; i < 4; ++i) v4 = v4 << 8 | octets[i];
  return IpAddress(v4);
}

}  // namespace

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(v6_ ? AF_INET6 : AF_INET, octets_.data(), out, sizeof out);
  return out;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  char name[INET6_ADDRSTRLEN] = "";
  if (text.empty() || text.size() >= sizeof name || text.find('\0') != text.npos) return std::nullopt;
  std::copy(text.begin(), text.end(), name);
  IpAddress::Octets octets{};
  if (text.find(':') != text.npos) {
    if (::inet_pton(AF_INET6, name, octets.data()) != 1) return std::nullopt;
    return IpAddress(octets);
  }
  if (::inet_pton(AF_INET, name, octets.data()) != 1) return std::nullopt;
  std::uint32_t v4 = 0;
  for (unsigned i = 0; i < 4; ++i) v4 = v4 << 8 | octets[i];
  const IpAddress address(v4);
  if (address.text() != text) return std::nullopt;
  return address;
}

bool Cidr::contains(const IpAddress& address) const {
  return address.is_v6() == base.is_v6() && base <= address && address <= last();
}

bool Cidr::overlaps(const Cidr& other) const {
  return contains(other.base) || other.contains(base);
}

IpAddress Cidr::last() const {
  return with_rest(base, prefix, true);
}

Cidr prefix_of(const IpAddress& address, std::uint8_t prefix) {
  return {with_rest(address, prefix, false), prefix};
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto address = parse_ip_address(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, prefix);
  if (!address || read.ec != std::errc{} || read.ptr != end || prefix > address->bits()) return std::nullopt;
  if (std::to_string(prefix) != digits) return std::nullopt;
  const Cidr cidr{*address, static_cast<std::uint8_t>(prefix)};
  if (prefix_of(*address, cidr.prefix) != cidr) return std::nullopt;
  return cidr;
}

}  // namespace cordon
