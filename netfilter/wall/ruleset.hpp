// The packet filter behind cordon-egress, as nftables reads it (nft(8)): what its user may send even if the process is
// taken over. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/ip_address.hpp"

namespace cordon {

struct Wall {
  std::string instance;              // [a-z0-9]: the table is cordon_egress_INSTANCE
  std::uint32_t uid = 0;             // whose sockets are meant
  std::vector<std::uint16_t> ports;  // that any profile grants
  std::vector<IpAddress> resolvers;  // port 53 goes there, and nowhere else
  bool private_egress = false;
};

std::string table_name(const Wall& wall);

// Replaces the table in one transaction. In this order: resolvers on port 53; nothing to denied addresses
// (profiles/denied_addresses.hpp) or the host's own, new or established; TCP to granted ports; everything else is
// refused.
std::string ruleset(const Wall& wall);
std::string removal(const Wall& wall);

// Two tables as the kernel tells them: the first lines that differ, in words; "" when none does.
std::string first_difference(std::string_view loaded, std::string_view expected);

}  // namespace cordon
