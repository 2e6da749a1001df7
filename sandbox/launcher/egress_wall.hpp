// Does the packet filter stand that holds cordon-egress even if it is taken over? Tried as its user, for each job that
// is to have egress. Runs in: launcher, as root.
#pragma once

#include <cstdint>

#include "sandbox/report.hpp"

namespace cordon {

// As `uid`, in the network that this process is in, the filter must refuse a datagram to loopback, and a connection on
// `granted_port` to an address that is denied: 192.0.2.1 or 203.0.113.1, or loopback where no route leads there. Throws
// KernelError when one of them passes.
void expect_wall(std::uint32_t uid, std::uint16_t granted_port, Facts& facts);

}  // namespace cordon
