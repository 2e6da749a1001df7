// Does the packet filter stand that holds cordon-egress even if it is taken over? Tried as its user, for each job that
// is to have egress. Runs in: launcher, as root.
#pragma once

#include <cstdint>

#include "sandbox/report.hpp"

namespace cordon {

// A datagram and a connection to the loopback of the network that this process is in, both as `uid`, must be refused by
// the filter. Throws KernelError when either passes.
void expect_wall(std::uint32_t uid, Facts& facts);

}  // namespace cordon
