#include "sandbox/launcher/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include <algorithm>

#include "profiles/egress_narrow.hpp"
#include "sandbox/launcher/hosts.hpp"
#include "sandbox/launcher/images.hpp"
#include "sandbox/prestart/eligible.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {

namespace {

// tmpfs counts its root, /work, /tmp and /dev/shm too, /etc/hosts where there is egress, and what stands above a
// writable image (image_view.cpp).
constexpr std::uint64_t own_scratch_inodes = 4, own_inodes_above_image = 60;

// What package managers need over their own files; all of it in the tool's own user namespace, over its one id.
constexpr std::uint64_t capabilities_of_root_inside =
    1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER | 1U << CAP_SETUID | 1U << CAP_SETGID;

std::vector<ResourceLimit> resource_limits_of_all() {
  return {
      // Soft and hard 1: with 0 a piped core_pattern would still start its handler as root on the host (core(5)).
      {RLIMIT_CORE, 1},
      {RLIMIT_MEMLOCK, std::uint64_t{8} << 20},
      {RLIMIT_MSGQUEUE, std::uint64_t{64} << 10},
      {RLIMIT_SIGPENDING, 4096},
      {RLIMIT_NICE, 0},
      {RLIMIT_RTPRIO, 0},
      {RLIMIT_RTTIME, 0},
      {RLIMIT_STACK, std::uint64_t{8} << 20},
  };
}

// Before there is a job: what may be lowered to each job's own. The files that it writes for the job, as cordon-init
// does for others before that limit holds, are no more than the input together.
std::vector<ResourceLimit> resource_limits_of_waiting(const Limits& ceiling) {
  auto largest = ceiling;
  largest.file_bytes = std::max<std::uint64_t>(ceiling.file_bytes, prestart::max_input);
  return resource_limits_of_job(largest);
}

// As prestart.hpp says; the profile's environment is that of a job that adds nothing.
Interpreter interpreter_of(const CompiledProfile& profile, const std::string& name) {
  const auto language = prestart::language_of(name);
  const auto command = prestart::command_of(language);
  Interpreter interpreter{{command.begin(), command.end()}, profile.env};
  if (language == prestart::Language::python) interpreter.argv.push_back(prestart::argument_room());
  interpreter.env.push_back(fmt::format("LD_PRELOAD=/proc/self/fd/{:d}", init_library_fd));
  interpreter.env.push_back(fmt::format("{}={:d}:{:d}:{:d}", prestart::descriptors_variable, tool_control_fd,
                                        init_payload_fd, init_library_fd));
  interpreter.env.push_back(prestart::environment_room());
  const auto& imports = profile.prestart.at(name).imports;
  if (!imports.empty())
    interpreter.env.push_back(fmt::format("{}={}", prestart::imports_variable, fmt::join(imports, ",")));
  return interpreter;
}

}  // namespace

LaunchPlan make_plan(const Preparation& preparation, const CompiledProfile& profile, const std::string& init_filter,
                     Lease lease) {
  LaunchPlan plan;
  plan.profile = profile.name;
  plan.profile_digest = profile.digest;
  plan.image = preparation.image;
  plan.view = profile.egress.empty() ? preparation.image : Images::with_names(preparation.image);
  plan.lease = lease;
  plan.waiting = profile.defaults;
  plan.ceiling = profile.ceiling;
  plan.init.init_uid = lease.init_uid;
  plan.init.inside_uid = profile.root_inside ? root_inside : job_inside;
  plan.init.capabilities = profile.root_inside ? capabilities_of_root_inside : 0;
  plan.init.writable_image = profile.root_inside;
  plan.init.landlock_min_abi = profile.landlock_min_abi;
  plan.init.rlimits = resource_limits_of_all();
  plan.init.filter = profile.filter;
  plan.init.refusals = profile.refusals;
  plan.init.init_filter = init_filter;
  plan.filter = profile.filter_digest;
  plan.collect = profile.collect;
  plan.egress = profile.egress;
  plan.prestart = preparation.prestart;
  if (plan.prestart.empty()) return plan;
  plan.imports = profile.prestart.at(plan.prestart).imports;
  plan.init.interpreter = interpreter_of(profile, plan.prestart);
  for (const auto& limit : resource_limits_of_waiting(profile.ceiling)) plan.init.rlimits.push_back(limit);
  return plan;
}

tl::expected<void, SetupFailed> check_limits(const LaunchPlan& plan, const Limits& asked) {
  for (const auto& field : limit_fields) {
    const auto wanted = asked.*field.member;
    const auto ceiling = plan.ceiling.*field.member;
    if (wanted > ceiling)
      return tl::unexpected(SetupFailed{
          "plan",
          fmt::format("limit {}: {} is above the ceiling {} of profile {}", field.name, wanted, ceiling, plan.profile),
          EPERM, "ask for no more than the profile allows"});
  }
  return {};
}

tl::expected<void, SetupFailed> check_egress(const LaunchPlan& plan, const EgressGrants& asked) {
  if (asked.empty() || is_within(plan.egress, asked)) return {};
  return tl::unexpected(SetupFailed{"plan", "egress that profile " + plan.profile + " does not grant", EPERM,
                                    "ask for no more than the profile allows"});
}

ScratchBounds scratch_bounds(const LaunchPlan& plan, const Limits& limits) {
  const bool has_hosts = !plan.egress.empty();
  const auto own = own_scratch_inodes + (has_hosts ? 1 : 0) + (plan.init.writable_image ? own_inodes_above_image : 0);
  return {std::to_string(limits.scratch_bytes + (has_hosts ? max_hosts_bytes : 0)),
          std::to_string(limits.scratch_inodes + own)};
}

std::vector<ResourceLimit> resource_limits_of_job(const Limits& limits) {
  return {{RLIMIT_FSIZE, limits.file_bytes}, {RLIMIT_NOFILE, limits.open_files}};
}

}  // namespace cordon
