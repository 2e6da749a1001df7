#include "profiles/denied_addresses.hpp"

#include <algorithm>
#include <array>

namespace cordon {

namespace {

struct Row {
  std::string_view first, last;  // one of a prefix: "10.0.0.0/8", ""
  std::string_view why;
  bool can_be_granted = false;
};

constexpr std::array v4_rows{
    Row{"0.0.0.0/8", "", "this network"},
    Row{"10.0.0.0/8", "", "private use", true},
    Row{"100.64.0.0/10", "", "shared by a carrier", true},
    Row{"100.100.100.200/32", "", "metadata service"},
    Row{"127.0.0.0/8", "", "loopback"},
    Row{"168.63.129.16/32", "", "metadata service"},
    Row{"169.254.0.0/16", "", "link-local"},
    Row{"172.16.0.0/12", "", "private use", true},
    Row{"192.0.0.0/24", "", "protocol assignments"},
    Row{"192.0.2.0/24", "", "documentation"},
    Row{"192.88.99.0/24", "", "6to4 relays"},
    Row{"192.168.0.0/16", "", "private use", true},
    Row{"198.18.0.0/15", "", "benchmarking, and names inside sandboxes"},
    Row{"198.51.100.0/24", "", "documentation"},
    Row{"203.0.113.0/24", "", "documentation"},
    Row{"224.0.0.0/4", "", "multicast"},
    Row{"240.0.0.0/4", "", "reserved, and broadcast"},
};

// Global unicast is 2000::/3. Outside of it only NAT64's well-known prefix may lead to somewhere, and does so by IPv4.
constexpr std::array v6_rows{
    Row{"::/128", "", "unspecified"},
    Row{"::1/128", "", "loopback"},
    Row{"::2", "::fffe:ffff:ffff", "IPv4-compatible, and reserved"},
    Row{"::ffff:0:0/96", "", "IPv4-mapped"},
    Row{"::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"},
    Row{"64:ff9b::1:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved, and local NAT64"},
    Row{"2001::/23", "", "protocol assignments, and Teredo"},
    Row{"2001:db8::/32", "", "documentation"},
    Row{"2002::/16", "", "6to4"},
    Row{"2620:4f:8000::/48", "", "AS112"},
    Row{"3ffe::/16", "", "returned (6bone)"},
    Row{"3fff::/20", "", "documentation"},
    Row{"4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved, and segment routing"},
    Row{"fc00::/7", "", "unique local", true},
    Row{"fe00::/9", "", "reserved"},
    Row{"fe80::/10", "", "link-local"},
    Row{"fec0::/10", "", "site-local"},
    Row{"ff00::/8", "", "multicast"},
    Row{"fd00:ec2::254/128", "", "metadata service"},
    Row{"fd20:ce::254/128", "", "metadata service"},
};

DeniedRange range_of(const Row& row) {
  if (!row.last.empty())
    return {*parse_ip_address(row.first), *parse_ip_address(row.last), row.why, row.can_be_granted};
  const auto cidr = *parse_cidr(row.first);
  return {cidr.base, cidr.last(), row.why, row.can_be_granted};
}

IpAddress behind_nat64(const IpAddress& v4) {
  IpAddress::Octets octets{0, 0x64, 0xff, 0x9b};
  std::copy_n(v4.octets().begin(), 4, octets.begin() + 12);
  return IpAddress(octets);
}

std::vector<DeniedRange> make_ranges() {
  std::vector<DeniedRange> ranges;
  for (const auto& row : v4_rows) {
    const auto v4 = range_of(row);
    ranges.push_back(v4);
    // No grant names an address behind NAT64.
    ranges.push_back({behind_nat64(v4.first), behind_nat64(v4.last), v4.why, false});
  }
  for (const auto& row : v6_rows) ranges.push_back(range_of(row));
  return ranges;
}

std::uint32_t v4_at(const IpAddress::Octets& o, std::size_t i) {
  return std::uint32_t{o[i]} << 24 | std::uint32_t{o[i + 1]} << 16 | std::uint32_t{o[i + 2]} << 8 | o[i + 3];
}

// ISATAP (RFC 5214 6.1): an interface identifier of 00-00-5e-fe, with the u bit or without, and the IPv4 address.
std::optional<IpAddress> carried_by_isatap(const IpAddress& address) {
  const auto& o = address.octets();
  if (!address.is_v6() || (o[8] & ~2U) != 0 || o[9] != 0 || o[10] != 0x5e || o[11] != 0xfe) return std::nullopt;
  return IpAddress(v4_at(o, 12));
}

// Where one ends and the next begins: nothing lies between.
bool adjoin(const IpAddress& last, const IpAddress& first) {
  auto octets = last.octets();
  for (auto i = last.bits() / 8; i-- > 0;)
    if (++octets[i] != 0) break;
  return first.is_v6() == last.is_v6() && octets == first.octets() && first > last;
}

// `holes` are what can be granted, and may lie within rows that cannot be: those stay.
std::vector<DeniedRange> merged(std::vector<DeniedRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<DeniedRange> out;
  for (const auto& range : ranges) {
    const bool joins = !out.empty() && (range.first <= out.back().last || adjoin(out.back().last, range.first));
    if (!joins)
      out.push_back(range);
    else
      out.back().last = std::max(out.back().last, range.last);
  }
  return out;
}

// The row that decides: one that cannot be granted before one that can.
const DeniedRange* find_row(const IpAddress& address) {
  const DeniedRange* found = nullptr;
  for (const auto& range : denied_ranges()) {
    if (address < range.first || address > range.last) continue;
    if (!range.can_be_granted) return &range;
    found = &range;
  }
  return found;
}

}  // namespace

const std::vector<DeniedRange>& denied_ranges() {
  static const auto ranges = make_ranges();
  return ranges;
}

std::vector<DeniedRange> merged_denied_ranges(bool v6, bool private_egress) {
  std::vector<DeniedRange> chosen;
  for (const auto& range : denied_ranges())
    if (range.first.is_v6() == v6 && !(private_egress && range.can_be_granted)) chosen.push_back(range);
  return merged(std::move(chosen));
}

std::optional<DeniedRange> denying_range(const IpAddress& address) {
  if (const auto* row = find_row(address)) return *row;
  if (const auto carried = carried_by_isatap(address)) {
    if (const auto* row = find_row(*carried)) return DeniedRange{address, address, row->why, false};
  }
  return std::nullopt;
}

bool may_dial(const IpAddress& address, bool by_cidr_grant, bool private_egress) {
  const auto denied = denying_range(address);
  return !denied || (denied->can_be_granted && by_cidr_grant && private_egress);
}

}  // namespace cordon
