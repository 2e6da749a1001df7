// What the launcher decides before it does anything: pure, from what was wanted and what is allowed.
// Runs in: launcher.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "sandbox/init_plan.hpp"
#include "sandbox/job_spec.hpp"
#include "sandbox/launcher/policy.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// Host ids of one live job: never shared, and used again only when its cgroup is gone.
struct Lease {
  std::uint32_t tool_uid = 0;  // and gid
  std::uint32_t init_uid = 0;

  std::string cgroup_name() const { return "job-" + std::to_string(tool_uid); }
};

inline constexpr std::uint32_t job_inside = 1000, root_inside = 0;  // what a tool sees itself as

struct LaunchPlan {
  std::string job;  // its id, for logs
  std::string image;
  Lease lease;
  Limits limits;
  InitPlan init;
  Sha256 filter{};
  CollectBounds collect;

  // Mount options of the one tmpfs behind /work, /tmp and /dev/shm.
  std::string scratch_size() const { return std::to_string(limits.scratch_bytes); }
  std::string scratch_inodes() const;
};

// Refuses a limit above the profile's ceiling: what the front asks for is not trusted to be within it.
tl::expected<LaunchPlan, SetupFailed> make_plan(const JobSpec& spec, const CompiledProfile& profile,
                                                const std::string& init_filter, Lease lease);

}  // namespace cordon
