// Addresses that no name may lead to: the one table that cordon-egress looks at before it dials, and that the nftables
// wall is written from. Pure. Sources: the IANA special-purpose registries for IPv4 and IPv6, RFC 6890, RFC 6052
// (NAT64), RFC 3056 (6to4), RFC 5214 (ISATAP); metadata services of the large clouds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/ip_address.hpp"

namespace cordon {

struct DeniedRange {
  IpAddress first, last;        // both belong to it
  std::string_view why;         // "loopback"
  bool can_be_granted = false;  // a literal CIDR grant reaches it when the operator allows private egress
};

// IPv4 rows, IPv6 rows (all that is not global unicast among them), and the forms of IPv6 that carry a denied IPv4
// address in their prefix (6to4, NAT64).
const std::vector<DeniedRange>& denied_ranges();

// Ascending, disjoint, merged: what a packet filter's sets want. With private egress those that can be granted are left
// out. `v6` chooses the family.
std::vector<DeniedRange> merged_denied_ranges(bool v6, bool private_egress);

// The row that denies it, if one does. IPv6 addresses that carry an IPv4 address in their lower half (IPv4-mapped,
// ISATAP) are judged by that one, too; a packet filter does not see those by ranges, but no such packet is sent.
std::optional<DeniedRange> denying_range(const IpAddress& address);

// May a dial go there? By a name: never to a denied range. By a CIDR grant: to what can be granted, if allowed.
bool may_dial(const IpAddress& address, bool by_cidr_grant, bool private_egress);

}  // namespace cordon
