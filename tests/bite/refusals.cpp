// Bite (issue "Containment, proven", must show): with one step left out and no other, nothing starts: what is read back
// and the self-probe say so, each for itself where both can.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;

namespace {

struct Missing {
  Step step;
  const char* control;  // what is named
};

const Missing told_by_read_back[] = {{Step::pid_namespace, "ns/pid: "},
                                     {Step::net_namespace, "ns/net: "},
                                     {Step::ipc_namespace, "ns/ipc: "},
                                     {Step::uts_namespace, "ns/uts: "},
                                     {Step::cgroup_namespace, "ns/cgroup: "},
                                     {Step::read_only, "mount /: planned read-only"},
                                     {Step::nosuid, "mount /: planned nosuid"},
                                     {Step::nodev, "mount /: planned nodev"},
                                     {Step::fresh_dev, "mount /dev: planned mounted"},
                                     {Step::own_shm, "mount /dev/shm: "},
                                     {Step::proc_subset, "mount /proc: planned subset=pid"},
                                     {Step::proc_read_only, "mount /proc: planned read-only"},
                                     {Step::image_view, "mount /: planned a view"},
                                     {Step::scratch_bytes, "scratch.bytes: "},
                                     {Step::scratch_inodes, "scratch.inodes: "},
                                     {Step::init_identity, "init.uid: "},
                                     {Step::init_filter, "init.seccomp: "},
                                     {Step::non_dumpable, "init.dumpable: "},
                                     {Step::max_namespaces, "sysctl.user.max_cgroup_namespaces: "},
                                     {Step::landlock, "landlock.abi: "},
                                     {Step::memory_limit, "memory."},
                                     {Step::pids_limit, "pids.max: "},
                                     {Step::cpu_limit, "cpu."},
                                     {Step::open_files, "rlimit.nofile: "},
                                     {Step::core_limit, "rlimit.core: "},
                                     {Step::file_size, "rlimit.fsize: "},
                                     {Step::oom_score, "oom_score_adj: "},
                                     {Step::user_namespace, "uid_map: "},
                                     {Step::identity, "uid: "},
                                     {Step::bounding_set, "capabilities.CapBnd: "},
                                     {Step::capability_sets, "capabilities.CapPrm: "},
                                     {Step::seccomp, "seccomp: planned 2"}};

const Missing told_by_self_probe[] = {{Step::seccomp, "unshare(CLONE_NEWUSER) was not refused"},
                                      {Step::net_namespace, "192.0.2.1 was not refused"}};

// The kernel itself does not go on without them.
const Missing told_by_kernel[] = {{Step::no_new_privileges, "load the seccomp filter"},
                                  {Step::old_root, "enter a user namespace"}};

Json outcome_without(const LeavingOut& missing, const Steps& steps) {
  missing.leave_out(steps);
  auto outcome = missing.cordon().run(over("core")).at("outcome");
  INFO(step_names[static_cast<unsigned>(steps[0])] << ": " << outcome.dump());
  REQUIRE(outcome.at("kind") == "setup_failed");
  return outcome;
}

// Without the self-probe too, where that would be the first to tell.
Steps alone(Step step) {
  const bool is_told_before = std::any_of(std::begin(told_by_self_probe), std::end(told_by_self_probe),
                                          [&](const Missing& what) { return what.step == step; });
  return is_told_before ? Steps{step, Step::self_probe} : Steps{step};
}

void expect_named(const Json& outcome, const std::string& step, const Missing& what) {
  INFO(step_names[static_cast<unsigned>(what.step)] << ": " << outcome.dump());
  CHECK(outcome.at("step") == step);
  CHECK(outcome.at("object").get<std::string>().starts_with(what.control));
}

}  // namespace

TEST_CASE("no tool is started where one control is missing: what is read back says which",
          "[bite][threat:missing-filter]") {
  const Ground ground;
  const LeavingOut missing(ground.config());
  for (const auto& what : told_by_read_back)
    expect_named(outcome_without(missing, alone(what.step)), "read back", what);
}

TEST_CASE("no tool is started outside of the cgroups that hold its limits", "[bite][threat:bombs]") {
  const Ground ground;
  const LeavingOut missing(ground.config());
  const bool is_hybrid = missing.cordon().run(over("core")).at("enforced").at("cgroup.layout") == "hybrid";
  if (!is_hybrid) {  // there clone3 puts it in, and nothing is missing
    missing.leave_out({Step::cgroup_join});
    CHECK(missing.cordon().run(over("core")).at("outcome").at("kind") == "exited");
    return;
  }
  const auto outcome = outcome_without(missing, {Step::cgroup_join});
  CHECK(outcome.at("step") == "read back");
  CHECK(outcome.at("object").get<std::string>().starts_with("cgroup "));
}

TEST_CASE("no tool is started where the filter or the network namespace is missing: the self-probe says so",
          "[bite][threat:missing-filter]") {
  const Ground ground;
  const LeavingOut missing(ground.config());
  for (const auto& what : told_by_self_probe)
    expect_named(outcome_without(missing, {what.step, Step::read_back}), "self-probe", what);
}

TEST_CASE("no tool is started without no_new_privs, nor with the old root still there: the kernel says so",
          "[bite][threat:missing-filter]") {
  const Ground ground;
  const LeavingOut missing(ground.config());
  for (const auto& what : told_by_kernel)
    CHECK(outcome_without(missing, with({what.step}, what_notices)).at("step") == what.control);
}

TEST_CASE("with nothing left out, the test-only programs report what the shipped ones do",
          "[bite][threat:missing-filter]") {
  const Ground ground;
  const LeavingOut nothing_missing(ground.config());
  const cordon::test::Instance shipped(ground.config());
  const auto theirs = nothing_missing.cordon().run(over("core")).at("enforced");
  const auto ours = shipped.run(over("core")).at("enforced");
  CHECK(theirs.size() == ours.size());
  for (const auto& [control, fact] : ours.items()) {
    INFO(control);
    const bool is_of_one_job = control.starts_with("namespace.") || control.find("id") != std::string::npos;
    REQUIRE(theirs.contains(control));
    if (!is_of_one_job) CHECK(theirs.at(control) == fact);
  }
}
