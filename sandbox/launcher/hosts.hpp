// hosts(5) of a job: itself, and the exact names of its grants with the addresses that they have inside. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "profiles/egress_grant.hpp"

namespace cordon {

// What it is without grants is where it begins with them.
std::string hosts_of(const EgressGrants& grants);

inline constexpr std::uint64_t max_hosts_bytes = 20 << 10;  // whole pages: max_egress_grants of the longest names

}  // namespace cordon
