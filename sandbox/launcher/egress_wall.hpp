// Does the packet filter stand that holds cordon-egress even if it is taken over? Tried as its user, for each job that
// is to have egress. Runs in: launcher, as root.
#pragma once

#include <cstdint>

#include "sandbox/report.hpp"

namespace cordon {

// As `uid`, in the network that this process is in, the filter must refuse a datagram and a connection to loopback, and
// a connection on `granted_port` to an address that is denied (192.0.2.1, where no route leads to it that will do).
// Throws KernelError when one of them passes.
void expect_wall(std::uint32_t uid, std::uint16_t granted_port, Facts& facts);

}  // namespace cordon
