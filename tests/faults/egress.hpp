// A setting in which a job has egress: a network of this process' own in which nobody answers, a profile that grants,
// the wall, and cordon-egress beside each instance.
#pragma once

#include "tests/faults/bench.hpp"

namespace cordon::test {

// Enters the network, for good; from the thread that makes the benches.
Setting with_egress();

}  // namespace cordon::test
