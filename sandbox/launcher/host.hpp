// What every sandbox of this launcher shares, made before the first. Runs in: launcher, as root.
#pragma once

#include <string>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/cgroup_layout.hpp"
#include "sandbox/launcher/egress.hpp"
#include "sandbox/launcher/images.hpp"
#include "sandbox/launcher/latch.hpp"
#include "sandbox/launcher/policy.hpp"
#include "sandbox/launcher/witness.hpp"

namespace cordon {

struct Host {
  std::string config_file;
  Policy policy;
  CgroupLayout cgroups;
  Images images;
  Fd namespace_limits;              // namespace_limits.hpp
  Fd init_program;                  // cordon-init in a sealed memfd
  Fd python_library, node_library;  // cordon-prestart-*.so, likewise
  Fd nothing;                       // an empty one: what stands in for a job's until it comes
  Latch latch;
  EgressPlace egress;
  LedgerPlace ledger;
  Fd claim;  // on the cgroups; the resident launcher's alone
};

}  // namespace cordon
