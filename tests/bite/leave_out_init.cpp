// The test-only init: cordon-init's own objects, in which single steps are left out, as the test-only launcher tells in
// a resource limit that there is not. Runs in: cordon-init's place, in tests only.
#include <fcntl.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "sandbox/init/landlock.hpp"
#include "sandbox/init/rights.hpp"
#include "sandbox/init/self_probe.hpp"
#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "tests/bite/steps.hpp"

namespace cordon::bite {
namespace {

std::uint64_t left_out = 0;
char** const own_environment = environ;

bool leaves_out(Step step) {
  return (left_out & bit(step)) != 0;
}

using Decoded = std::optional<InitPlan>;
using Resources = std::vector<ResourceLimit>;

std::uint64_t all_capabilities() {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> mine(cap_get_proc(), cap_free);
  std::uint64_t all = 0;
  cap_flag_value_t is_set = CAP_CLEAR;
  for (cap_value_t cap = 0; cap_get_flag(mine.get(), cap, CAP_PERMITTED, &is_set) == 0; ++cap)
    if (is_set == CAP_SET) all |= std::uint64_t{1} << cap;
  return all;
}

// The id of the tool, as the host has it: whose the scratch is.
std::uint32_t tool_uid() {
  struct stat work {};
  check(::stat("/work", &work), "stat", "/work");
  return work.st_uid;
}

}  // namespace

WRAPPED(_ZN6cordon16decode_init_planESt17basic_string_viewIcSt11char_traitsIcEE, Decoded, decode_init_plan,
        (std::string_view bytes)) {
  auto plan = product_decode_init_plan(bytes);
  if (!plan || plan->rlimits.empty() || plan->rlimits.back().resource != resource_of_steps) return std::nullopt;
  left_out = plan->rlimits.back().value;
  plan->rlimits.pop_back();
  return plan;
}

// As if nothing of it were there: enter_user_namespace() had become its owner before.
WRAPPED(unshare, int, unshare, (int flags)) {
  const bool skips = flags == CLONE_NEWUSER && leaves_out(Step::user_namespace);
  return skips ? ::setresuid(0, 0, 0) : product_unshare(flags);
}

// In the host's user namespace it would change the host: then never.
WRAPPED(_ZN6cordon21forbid_new_namespacesB5cxx11ERKNS_2FdE, ReadBack, forbid_new_namespaces, (const Fd& limits)) {
  const bool skips = leaves_out(Step::max_namespaces) || leaves_out(Step::user_namespace);
  return skips ? ReadBack{} : product_forbid_new_namespaces(limits);
}

WRAPPED(_ZN6cordon13take_identityEj, void, take_identity, (std::uint32_t id)) {
  if (leaves_out(Step::identity)) return;
  product_take_identity(leaves_out(Step::user_namespace) ? tool_uid() : id);
}

WRAPPED(_ZN6cordon18bound_capabilitiesEm, void, bound_capabilities, (std::uint64_t kept)) {
  product_bound_capabilities(leaves_out(Step::bounding_set) ? all_capabilities() : kept);
}

// Beyond the bounding set nothing is inherited: those that the process has are then all that is left of them.
WRAPPED(_ZN6cordon19reduce_capabilitiesEm, void, reduce_capabilities, (std::uint64_t kept)) {
  if (!leaves_out(Step::capability_sets)) return product_reduce_capabilities(kept);
  if (leaves_out(Step::bounding_set)) product_reduce_capabilities(all_capabilities());
}

WRAPPED(_ZN6cordon24join_new_session_keyringEv, void, join_new_session_keyring, ()) {
  if (!leaves_out(Step::keyring)) product_join_new_session_keyring();
}

WRAPPED(_ZN6cordon21forbid_new_privilegesEv, void, forbid_new_privileges, ()) {
  if (!leaves_out(Step::no_new_privileges)) product_forbid_new_privileges();
}

WRAPPED(_ZN6cordon22restrict_with_landlockB5cxx11ERKNS_8InitPlanE, ReadBack, restrict_with_landlock,
        (const InitPlan& plan)) {
  return leaves_out(Step::landlock) ? ReadBack{} : product_restrict_with_landlock(plan);
}

WRAPPED(_ZN6cordon19set_resource_limitsERKSt6vectorINS_13ResourceLimitESaIS1_EE, void, set_resource_limits,
        (const Resources& limits)) {
  Resources left;
  for (const auto& limit : limits) {
    const bool skips = limit.resource == RLIMIT_CORE && leaves_out(Step::core_limit);
    if (!skips) left.push_back(limit);
  }
  product_set_resource_limits(left);
}

// pid 1's own.
WRAPPED(_ZN6cordon11load_filterERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, void, load_filter,
        (const std::string& filter)) {
  if (!leaves_out(Step::init_filter)) product_load_filter(filter);
}

// pid 1 gets a descriptor on which nobody ever asks for anything.
WRAPPED(_ZN6cordon25load_filter_with_listenerERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, Fd,
        load_filter_with_listener, (const std::string& filter)) {
  if (leaves_out(Step::seccomp)) return Fd(check(::eventfd(0, EFD_CLOEXEC), "make an eventfd"));
  return product_load_filter_with_listener(filter);
}

WRAPPED(
    _ZN6cordon17probe_confinementERKNS_8InitPlanESt6vectorISt4pairINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESA_ESaISB_EE,
    Probed, probe_confinement, (const InitPlan& plan, ReadBack facts)) {
  if (leaves_out(Step::self_probe)) return {0, 0, std::move(facts)};
  return product_probe_confinement(plan, std::move(facts));
}

WRAPPED(syscall, long, syscall, (long number, long a, long b, long c, long d, long e, long f)) {
  const bool skips = number == SYS_close_range && c != 0 && leaves_out(Step::close_on_exec);
  return skips ? 0 : product_syscall(number, a, b, c, d, e, f);
}

WRAPPED(execvp, int, execvp, (const char* name, char* const* arguments)) {
  if (leaves_out(Step::environment_of_tool)) environ = own_environment;
  return product_execvp(name, arguments);
}

WRAPPED(_ZN6cordon18give_up_everythingEj, void, give_up_everything, (std::uint32_t uid)) {
  product_give_up_everything(leaves_out(Step::init_identity) ? tool_uid() : uid);
  if (leaves_out(Step::non_dumpable)) check(::prctl(PR_SET_DUMPABLE, 1), "become dumpable");
}

}  // namespace cordon::bite
