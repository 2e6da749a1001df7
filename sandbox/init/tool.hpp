// From root to the tool: the child of pid 1 gives up one right per line and executes what the client asked for.
// Runs in: the sandbox.
#pragma once

#include "sandbox/init_plan.hpp"

namespace cordon {

[[noreturn]] void run_tool(const InitPlan& plan);

}  // namespace cordon
