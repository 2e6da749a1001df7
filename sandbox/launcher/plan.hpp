// What the launcher decides before it does anything: pure, from what was wanted and what is allowed.
// Runs in: launcher.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

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

// A sandbox without its job: what a profile decides.
struct LaunchPlan {
  std::string profile;  // its name
  Sha256 profile_digest{};
  std::string image;
  std::string view;  // of the image: one in which names can be looked up, when there are grants
  Lease lease;
  Limits waiting;  // that hold until there is a job
  Limits ceiling;
  InitPlan init;
  Sha256 filter{};
  CollectBounds collect;
  EgressGrants egress;               // the most that a job may have
  std::string prestart;              // which interpreter waits in it; "": none
  std::vector<std::string> imports;  // that it does at its start
};

// The profile has what the preparation asks for.
LaunchPlan make_plan(const Preparation& preparation, const CompiledProfile& profile, const std::string& init_filter,
                     Lease lease);

// Refuses a limit above the profile's ceiling: what the front asks for is not trusted to be within it.
tl::expected<void, SetupFailed> check_limits(const LaunchPlan& plan, const Limits& asked);

// Likewise grants that are not within the profile's.
tl::expected<void, SetupFailed> check_egress(const LaunchPlan& plan, const EgressGrants& asked);

// Bounds of the one tmpfs behind /work, /tmp and /dev/shm, as its mount options.
struct ScratchBounds {
  std::string bytes, inodes;
  bool operator==(const ScratchBounds&) const = default;
};
ScratchBounds scratch_bounds(const LaunchPlan& plan, const Limits& limits);

// Those that each job has of its own; the launcher sets them from outside when nothing of ours has to open a file any
// more. An interpreter that waits, and whatever its imports start, has from the start those of the ceiling.
std::vector<ResourceLimit> resource_limits_of_job(const Limits& limits);

}  // namespace cordon
