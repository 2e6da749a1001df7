// From a fresh clone in new namespaces to pid 1 of a sandbox: the mounts, the root, loopback, then cordon-init.
// Runs in: the sandbox's first process, as root.
#pragma once

#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/images.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/workspace.hpp"

namespace cordon {

struct BuildInputs {
  const LaunchPlan& plan;
  const Images& images;
  const Workspace& workspace;
  const std::vector<Fd>& tasks;  // v1 cgroups to join
  int init_program;              // sealed memfd
  int namespace_limits;          // namespace_limits.hpp
  int standard_in, standard_out, standard_error;
  int init_control, tool_control;  // the sandbox's ends
  int init_plan, payload;
  int denials;  // memory of a DenialTable
  int library;
};

// Ends in cordon-init, or tells the launcher over tool_control which step failed and exits.
[[noreturn]] void become_sandbox(const BuildInputs& in);

}  // namespace cordon
