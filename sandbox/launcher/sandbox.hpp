// One job's sandbox, from the JobSpec to the last byte of the report: the linear life of a per-sandbox launcher.
// Runs in: a fork of the resident launcher, as root.
#pragma once

#include <optional>
#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/cgroup_layout.hpp"
#include "sandbox/launcher/images.hpp"
#include "sandbox/launcher/latch.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/policy.hpp"

namespace cordon {

// What every sandbox of this launcher shares, made before the first.
struct Host {
  std::string config_file;
  Policy policy;
  CgroupLayout cgroups;
  Images images;
  Fd init_program;  // cordon-init in a sealed memfd
  Latch latch;
  Fd claim;  // on the cgroups; the resident launcher's alone
};

// Serves one lifeline: a hello, or one job. Returns when it is over and cleaned up behind. Without a lease a job is
// refused.
void serve_lifeline(Fd lifeline, std::optional<Lease> lease, Host& host);

// Says that there will be no sandbox, and why: for what fails before a lifeline can be served.
void refuse_job(int lifeline, const KernelError& why);

}  // namespace cordon
