// The second wall (landlock(7)): even a mount that should be read-only and is not, or a socket that should be out of
// reach, stays so. Runs in: the sandbox, as the tool's process, after the mounts and before its filter.
#pragma once

#include "sandbox/init/rights.hpp"
#include "sandbox/init_plan.hpp"

namespace cordon {

// Reading and executing everywhere, writing in the scratch directories (and the image, when the plan says that it is
// writable), devices by read, write and ioctl only; from ABI 6 on no signal and no abstract socket to the outside.
// What was applied, read back by an attempt that nothing else refuses. A kernel without Landlock is a fact when
// plan.landlock_min_abi is 0 and an error otherwise.
ReadBack restrict_with_landlock(const InitPlan& plan);

}  // namespace cordon
