// The pure parts of the launcher.
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "netfilter/egress_job.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/launcher/cgroup_layout.hpp"
#include "sandbox/launcher/glob.hpp"
#include "sandbox/launcher/hosts.hpp"
#include "sandbox/launcher/leases.hpp"
#include "sandbox/launcher/network_denials.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/readback.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {
namespace {

CompiledProfile a_profile() {
  CompiledProfile profile;
  profile.name = "default";
  profile.ceiling = {10000, 5000, 1000, 256 << 20, 64, 1 << 20, 64 << 20, 1000, 1 << 20, 256};
  profile.defaults = {1000, 1000, 1000, 64 << 20, 16, 1 << 20, 16 << 20, 100, 1 << 20, 64};
  profile.filter = std::string(8, 'f');
  return profile;
}

LaunchPlan a_plan() {
  return make_plan({{}, "host", ""}, a_profile(), std::string(8, 'i'), {100, 101});
}

TEST_CASE("a plan has what the profile says, and its defaults until there is a job") {
  const auto plan = a_plan();
  CHECK(plan.waiting == a_profile().defaults);
  CHECK(plan.init.filter == a_profile().filter);
  CHECK(plan.init.init_uid == 101);
  CHECK(plan.image == "host");
  CHECK(plan.lease.cgroup_name() == "job-100");
}

TEST_CASE("a plan with an interpreter starts it as a job of the profile that adds nothing") {
  auto profile = a_profile();
  profile.env = {"HOME=/work", "PATH=/bin"};
  profile.prestart = {{"python", {{"json", "re"}}}, {"node", {}}};
  CHECK(a_plan().init.interpreter == Interpreter{});
  const auto python = make_plan({{}, "host", "python"}, profile, std::string(8, 'i'), {100, 101});
  CHECK(python.prestart == "python");
  CHECK(python.init.interpreter.argv == std::vector<std::string>{"python3", prestart::argument_room()});
  CHECK(python.init.interpreter.env == std::vector<std::string>{"HOME=/work", "PATH=/bin", "LD_PRELOAD=/proc/self/fd/9",
                                                                "CORDON_PRESTART=4:6:9", prestart::environment_room(),
                                                                "CORDON_PRESTART_IMPORTS=json,re"});
  CHECK(python.init.filter == a_plan().init.filter);
  const auto node = make_plan({{}, "host", "node"}, profile, std::string(8, 'i'), {100, 101});
  CHECK(node.init.interpreter.argv == std::vector<std::string>{"node", "main.js"});
  CHECK(node.init.interpreter.env.size() == 5);
}

TEST_CASE("an interpreter has from its start limits of files that no job's is above", "[threat:bombs]") {
  const auto limit = [](const LaunchPlan& plan, int resource) {
    const auto& limits = plan.init.rlimits;
    const auto found =
        std::find_if(limits.begin(), limits.end(), [&](const auto& l) { return l.resource == resource; });
    return found != limits.end() ? std::optional(found->value) : std::nullopt;
  };
  auto profile = a_profile();
  profile.prestart = {{"python", {}}};
  for (const std::uint64_t file_bytes : {std::uint64_t{4096}, std::uint64_t{64} << 20}) {
    profile.ceiling.file_bytes = file_bytes;
    const auto plan = make_plan({{}, "host", "python"}, profile, std::string(8, 'i'), {100, 101});
    CHECK(limit(plan, RLIMIT_NOFILE) == 256);
    CHECK(limit(plan, RLIMIT_FSIZE) == std::max<std::uint64_t>(file_bytes, prestart::max_input));
    for (const auto& [resource, value] : resource_limits_of_job(profile.ceiling))
      CHECK(value <= limit(plan, resource).value());
  }
  CHECK_FALSE(limit(a_plan(), RLIMIT_FSIZE));
}

TEST_CASE("egress that the profile does not grant is refused, whatever cordond believes") {
  auto profile = a_profile();
  const EgressGrant grant{"*.example.com", {}, {443}, EgressMode::passthrough, {}, {}, false, false};
  CHECK(check_egress(a_plan(), {}));
  CHECK_FALSE(check_egress(a_plan(), {grant}));
  profile.egress = {grant};
  const auto plan = make_plan({{}, "host", ""}, profile, std::string(8, 'i'), {100, 101});
  CHECK(check_egress(plan, {}));
  CHECK(check_egress(plan, {grant}));
  auto other = grant;
  other.name = "a.example.com";
  CHECK(check_egress(plan, {other}));
  other.name = "evil.example.net";
  CHECK_FALSE(check_egress(plan, {other}));
  other = grant;
  other.ports = {443, 22};
  CHECK_FALSE(check_egress(plan, {other}));
}

TEST_CASE("a job sees a resolver only where its profile grants egress") {
  auto profile = a_profile();
  CHECK(a_plan().view == "host");
  profile.egress = {{"a.example.com", {}, {443}, EgressMode::passthrough, {}, {}, false, false}};
  const auto plan = make_plan({{}, "host", ""}, profile, std::string(8, 'i'), {100, 101});
  CHECK(plan.image == "host");
  CHECK(plan.view != "host");
}

TEST_CASE("a limit above the profile's ceiling is refused, whatever cordond believes, for every limit",
          "[threat:limit-wrap]") {
  CHECK(check_limits(a_plan(), a_profile().ceiling));
  for (const auto& field : limit_fields) {
    auto asked = a_profile().ceiling;
    asked.*field.member += 1;
    const auto checked = check_limits(a_plan(), asked);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().object.find(field.name) != std::string::npos);
  }
}

TEST_CASE("the core limit is 1, never 0, so that no core handler starts as root on the host", "[threat:bombs]") {
  const auto plan = a_plan();
  const auto& limits = plan.init.rlimits;
  CHECK(std::count(limits.begin(), limits.end(), ResourceLimit{4 /* RLIMIT_CORE */, 1}) == 1);
}

TEST_CASE("no two live jobs share an id, and an id given back rests longest", "[threat:shared-ipc]") {
  Leases leases(1000, 6);
  const auto a = leases.take(), b = leases.take(), c = leases.take();
  REQUIRE((a && b && c));
  CHECK(a->tool_uid == 1000);
  CHECK(a->init_uid == 1001);
  CHECK(b->tool_uid == 1002);
  CHECK(c->tool_uid == 1004);
  CHECK_FALSE(leases.take());
  leases.give_back(*b);
  leases.give_back(*a);
  CHECK(leases.take()->tool_uid == 1002);
}

bool selects(const std::string& glob, std::vector<std::string> path) {
  GlobState state({glob});
  const auto file = path.back();
  path.pop_back();
  for (const auto& directory : path) {
    auto step = state.enter(directory);
    state = step.below;
  }
  return state.enter(file).matched;
}

TEST_CASE("globs match per component, and ** stands for any number of directories") {
  CHECK(selects("out/*", {"out", "a.png"}));
  CHECK_FALSE(selects("out/*", {"out", "deep", "a.png"}));
  CHECK_FALSE(selects("out/*", {"other", "a.png"}));
  CHECK_FALSE(selects("out/*", {"out", ".hidden"}));
  CHECK(selects("out/.*", {"out", ".hidden"}));
  CHECK(selects("**/*.json", {"a.json"}));
  CHECK(selects("**/*.json", {"x", "y", "a.json"}));
  CHECK_FALSE(selects("**/*.json", {"x", "y", "a.txt"}));
  CHECK(selects("out/**", {"out", "x", "y"}));
  CHECK(selects("out/**/z", {"out", "z"}));
  CHECK(selects("report.[jt]*", {"report.txt"}));
}

TEST_CASE("a directory that cannot hold a match is not entered") {
  CHECK_FALSE(GlobState({"out/*"}).enter("src").below.wants_more());
  CHECK(GlobState({"out/*"}).enter("out").below.wants_more());
}

TEST_CASE("globs of many ** say no more than one, and a walk can ask before it enters") {
  CHECK(selects("**/**/**/x", {"x"}));
  CHECK(selects("a/**/**", {"a", "b", "c"}));
  CHECK(selects("**/a/**/a/**", {"a", "a", "b"}));
  CHECK_FALSE(selects("**/a/**/a/x", {"a", "x"}));
  CHECK_FALSE(selects("**", {".hidden", "x"}));
  const GlobState state({"**/*.json", "out/x"});
  CHECK(state.asks_for_file("a.json"));
  CHECK_FALSE(state.asks_for_file("a.txt"));
  CHECK_FALSE(state.asks_for_file("out"));
  CHECK(state.asks_for_directory("a.txt"));
  CHECK_FALSE(state.asks_for_directory(".git"));
}

TEST_CASE("cgroup mounts are found in every layout") {
  const auto hybrid = find_cgroup_mounts(
      "35 31 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "36 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  CHECK(hybrid.unified == "/sys/fs/cgroup/unified");
  CHECK(hybrid.legacy.at("memory") == "/sys/fs/cgroup/memory");
  CHECK(hybrid.legacy.at("cpuacct") == "/sys/fs/cgroup/cpu,cpuacct");
  const auto unified = find_cgroup_mounts("25 1 0:22 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  CHECK(unified.unified == "/sys/fs/cgroup");
  CHECK(unified.legacy.empty());
}

TEST_CASE("two controllers on one mount are one directory") {
  const CgroupLayout layout{true, "/u", {{"cpu", "/c"}, {"cpuacct", "/c"}, {"memory", "/m"}}, true};
  CHECK(layout.legacy_directories() == std::vector<std::string>{"/c", "/m"});
}

TEST_CASE("the kernel's counters of packets without a route are found") {
  CHECK(ipv4_no_routes("Ip: Forwarding OutDiscards OutNoRoutes ReasmTimeout\nIp: 1 2 37 4\nIcmp: x\n") == 37);
  CHECK(ipv4_no_routes("Tcp: a\nTcp: 1\n") == 0);
  CHECK(ipv6_no_routes("Ip6InReceives 3\nIp6OutNoRoutes                  \t12\n") == 12);
}

TEST_CASE("a number and a keyed value are read from kernel files, and max is no number") {
  CHECK(parse_number("42\n") == 42);
  CHECK(parse_number("max\n") == ~std::uint64_t{0});
  CHECK(find_value("oom 3\noom_kill 2\n", "oom_kill") == 2U);
  CHECK_FALSE(find_value("oom_kill_disable 0\n", "oom_kill"));
}

constexpr const char* good_mounts =
    "1 0 0:1 / / ro,nosuid,nodev,relatime - overlay none rw\n"
    "2 1 0:2 / /proc ro,nosuid,nodev,noexec - proc none rw,subset=pid\n"
    "3 1 0:3 / /dev ro,nosuid,noexec - tmpfs none rw\n"
    "4 1 0:4 / /dev/shm rw,nosuid,nodev - tmpfs none rw\n"
    "5 1 0:4 / /work rw,nosuid,nodev - tmpfs none rw\n"
    "6 1 0:4 / /tmp rw,nosuid,nodev - tmpfs none rw\n";

std::string with(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST_CASE("a mount that is writable, setuid, with devices, or missing refuses the job", "[threat:readonly-remount]") {
  CHECK(mount_facts(good_mounts).size() == 6);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "/ / ro", "/ / rw")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "overlay", "ext4")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "/ /proc ro", "/ /proc rw")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "rw,nosuid,nodev - tmpfs", "rw,nodev - tmpfs")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "/work rw,nosuid,nodev", "/work rw,nosuid")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "/ /tmp", "/ /elsewhere")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "0:4 / /dev/shm", "0:5 / /dev/shm")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "0:4 / /tmp", "0:5 / /tmp")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "subset=pid", "hidepid=0")), KernelError);
  CHECK_THROWS_AS(mount_facts(with(good_mounts, "relatime - overlay", "relatime shared:1 - overlay")), KernelError);
  CHECK_NOTHROW(mount_facts(with(good_mounts, "/ / ro", "/ / rw"), {true, false}));
  CHECK_THROWS_AS(mount_facts(good_mounts, {false, true}), KernelError);
  const auto with_names =
      std::string(good_mounts) + "7 1 0:4 /hosts /etc/hosts ro,nosuid,nodev,noexec - tmpfs none rw\n";
  CHECK_NOTHROW(mount_facts(with_names, {false, true}));
  CHECK_THROWS_AS(mount_facts(with(with_names, "/etc/hosts ro", "/etc/hosts rw"), {false, true}), KernelError);
  CHECK_THROWS_AS(mount_facts(with(with_names, "0:4 /hosts", "0:1 /hosts"), {false, true}), KernelError);
  CHECK_THROWS_AS(mount_facts(std::string(good_mounts) + "7 1 0:9 / /sys rw,nosuid,nodev - sysfs none rw\n"),
                  KernelError);
}

TEST_CASE("/etc/hosts of a job has each exact name of its grants with the address that cordon-egress knows it by") {
  EgressGrants grants(4);
  grants[0].name = "b.example.com", grants[1].name = "*.example.org", grants[2].name = "a.example.com";
  grants[3].network = {0x5db8d800, 24};
  EgressJob job;
  job.grants = grants;
  assign_synthetic_addresses(job);
  REQUIRE(job.names.size() == 2);
  CHECK(hosts_of({}) == "127.0.0.1 localhost cordon\n::1 localhost cordon\n");
  CHECK(hosts_of(grants) == hosts_of({}) + to_text(job.names[0].address) + " a.example.com\n" +
                                to_text(job.names[1].address) + " b.example.com\n");
  EgressGrants most(max_egress_grants);
  for (std::size_t i = 0; i < most.size(); ++i)
    most[i].name = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                   std::string(58, 'd') + std::to_string(10 + i);
  CHECK(hosts_of(most).size() > max_egress_grants * 253);
  CHECK(hosts_of(most).size() <= max_hosts_bytes);
}

TEST_CASE("a field of /proc/PID/status is found whole, and a missing one is not taken for empty") {
  const char* status = "Name:\tx\nUid:\t1\t1\t1\t1\nGroups:\t \nSeccomp:\t2\nSeccomp_filters:\t1\n";
  CHECK(status_field(status, "Uid") == "1 1 1 1");
  CHECK(status_field(status, "Groups").empty());
  CHECK(status_field(status, "Seccomp") == "2");
  CHECK(status_field(status, "NoNewPrivs") == "absent");
}

}  // namespace
}  // namespace cordon
