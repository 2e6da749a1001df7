// Tries what the sandbox must refuse, from inside, just before the tool starts (threats.md: "the filter is missing on
// one path"). Every launch runs it; it is the last thing that can stop one. Runs in: the sandbox, as the tool will run.
#pragma once

#include "sandbox/init/rights.hpp"
#include "sandbox/init_plan.hpp"

namespace cordon {

// What was tried and refused: everything, but for calls that the profile's own rules permit, which `facts` then names.
// Throws KernelError naming the first that was not refused.
Probed probe_confinement(const InitPlan& plan, ReadBack facts);

}  // namespace cordon
