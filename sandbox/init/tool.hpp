// From root to the tool: the child of pid 1 gives up one right per line and executes what the client asked for.
// Runs in: the sandbox.
#pragma once

#include "sandbox/init_plan.hpp"

namespace cordon {

// Two eventfds between the tool's process and pid 1.
struct Bells {
  int filter_is_loaded;  // rung by the tool's process, with the number of the filter's listener and one
  // Rung by pid 1: in answer, when it has no rights any more and answers refused calls; and when the job is here.
  int of_pid_1;
};

[[noreturn]] void run_tool(const InitPlan& plan, Bells bells);

}  // namespace cordon
