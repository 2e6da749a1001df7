// From root to the tool: the child of pid 1 gives up one right per line and executes what the client asked for.
// Runs in: the sandbox.
#pragma once

#include "sandbox/init_plan.hpp"

namespace cordon {

// `bell`: an eventfd; rung with the number of the filter's listener and one, once the filter is in place.
[[noreturn]] void run_tool(const InitPlan& plan, int bell);

}  // namespace cordon
