// The kernel's own copy of the wall, through libnftables: loading it, and how it tells what it has. Throws
// std::runtime_error with nftables' own words.
#pragma once

#include <optional>
#include <string>

#include "netfilter/wall/ruleset.hpp"

namespace cordon {

// All of it in one transaction, or nothing.
void load(const std::string& text);

// As the kernel tells it, without the counters' values; nullopt: there is no such table. Needs CAP_NET_ADMIN.
std::optional<std::string> loaded_table(const Wall& wall);

// How the kernel would tell it if it had just been loaded. Found out in a network namespace that is nobody's, in which
// the caller is from then on; needs CAP_SYS_ADMIN as well.
std::string fresh_table(const Wall& wall);

}  // namespace cordon
