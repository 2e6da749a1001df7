// From root to the tool: the child of pid 1 gives up one right per line and executes what the client asked for.
// Runs in: the sandbox.
#pragma once

#include "sandbox/init_plan.hpp"

namespace cordon {

// Two eventfds between the tool's process and pid 1.
struct Bells {
  int filter_is_loaded;  // rung by the tool's process, with the number of the filter's listener and one
  int sandbox_is_held;   // rung by pid 1 in answer: it has no rights any more, and answers refused calls
};

[[noreturn]] void run_tool(const InitPlan& plan, Bells bells);

}  // namespace cordon
