// What an instance says about egress as a whole ("egress" in cordon.json). Pure.
#pragma once

#include <string>
#include <vector>

#include "profiles/ip_address.hpp"
#include "profiles/json_reader.hpp"

namespace cordon {

inline constexpr std::size_t max_resolvers = 3;  // as resolv.conf(5) has it

struct EgressConfig {
  std::string user = "cordon-egress";  // of an installed instance; private ones use numbers
  std::vector<IpAddress> resolvers;    // that cordon-egress may ask, on port 53; none: no name can be resolved
  bool private_egress = false;         // a grant of a "cidr" may reach private addresses of this network
};

// {"egress": {"user", "resolvers": ["192.0.2.53"], "private_egress": true}}
void read_egress_config(ObjectReader& document, EgressConfig& into, FieldErrors& errors);

}  // namespace cordon
