// The only system calls that Cordon's own processes without rights can make. Data, compiled like a profile's.
#pragma once

#include "profiles/seccomp_policy.hpp"

namespace cordon {

SeccompPolicy collector_calls();  // walks what a job left behind
SeccompPolicy init_calls();       // pid 1 of a sandbox, once the tool's process has given up its rights

}  // namespace cordon
