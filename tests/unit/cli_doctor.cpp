// Promise (issue 8): the doctor never says fine about what it has not tested, and what it misses it can mend.
#include <algorithm>
#include <catch2/catch.hpp>

#include "cli/doctor/judge.hpp"

using namespace cordon;
using namespace cordon::cli::doctor;

namespace {

const Finding& named(const Findings& findings, const std::string& name) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const auto& f) { return f.name == name; });
  INFO(name);
  REQUIRE(found != findings.end());
  return *found;
}

KernelFacts good_kernel() {
  KernelFacts kernel;
  kernel.release = "6.1.0-28-amd64";
  for (const char* call : {"clone3", "pidfd_open", "openat2", "open_tree", "fsopen", "mount_setattr", "close_range"})
    kernel.calls[call] = Presence::there;
  kernel.namespaces = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"};
  kernel.seccomp_actions = "kill_process kill_thread trap errno user_notif trace log allow";
  kernel.landlock_abi = 2;
  kernel.namespaces_made = "";
  for (const char* name : {"overlay", "erofs", "loop"}) kernel.file_systems[name] = Presence::there;
  for (const char* kind : {"user", "pid", "net", "mnt", "ipc", "uts", "cgroup"})
    kernel.sysctls["user.max_" + std::string(kind) + "_namespaces"] = "60000";
  kernel.sysctls["kernel.pid_max"] = "4194304";
  kernel.sysctls["fs.nr_open"] = "1048576";
  return kernel;
}

CgroupFacts good_cgroups() {
  return {"/sys/fs/cgroup",
          {"cpu", "memory", "pids"},
          {},
          true,
          "/sys/fs/cgroup/cordon.slice/jobs",
          {"cpu", "memory", "pids"},
          true};
}

HostFacts good_host() {
  HostFacts host;
  host.ids = {{100000, 65536, "/etc/subuid: alice"}, {0, 1, "/etc/passwd: root"}};
  host.state = Disk{"/var/lib/cordon", std::uint64_t{50} << 30, 1'000'000};
  host.memory_available = std::uint64_t{8} << 30;
  host.pids_left = 4'000'000;
  host.mkfs_erofs = true;
  host.clock_synchronised = true;
  host.nft = "/usr/sbin/nft";
  host.nf_tables = true;
  host.lsm = "lockdown,capability,landlock,yama,apparmor";
  return host;
}

InstanceFacts good_instance() {
  InstanceFacts instance;
  instance.config_file = "/etc/cordon/cordon.json";
  instance.config.emplace();
  instance.accounts = {{"user cordon", true}, {"group cordon", true}};
  instance.files = {{"/usr/libexec/cordon/cordond", ""}};
  instance.sockets = {{"/run/cordon/agent.sock", ""}};
  instance.images = {{"debian", {true, "is there"}}};
  instance.cli_version = "1.2.3";
  instance.info = {{"version", "1.2.3"},
                   {"oom_score_adj", -500},
                   {"evidence", {{"state", "on"}}},
                   {"launcher", {{"version", "1.2.3"}}}};
  instance.engaged.emplace();
  instance.egress.granting = EgressFacts::Granting{};
  instance.canary.ran = true;
  instance.canary.job = {
      {"outcome", {{"kind", "exited"}, {"code", 0}}}, {"stdout", "42\n"}, {"enforced", {{"seccomp", "2"}}}};
  return instance;
}

Findings everything(const KernelFacts& kernel, const CgroupFacts& cgroups, const HostFacts& host,
                    const InstanceFacts& instance) {
  Findings all;
  for (auto&& part :
       {judge_kernel(kernel, Config{}), judge_cgroups(cgroups), judge_host(host, Config{}), judge_instance(instance)})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("the doctor finds everything on a good host, and its exit code is 0") {
  const auto findings = everything(good_kernel(), good_cgroups(), good_host(), good_instance());
  for (const auto& f : findings) {
    INFO(f.name << ": " << f.detail);
    CHECK(f.verdict == Verdict::found);
  }
  CHECK(exit_code_of(findings) == 0);
}

TEST_CASE("of a host that tells nothing the doctor finds nothing") {
  for (const auto& f : everything({}, {}, {}, {})) {
    INFO(f.name << ": " << f.detail);
    CHECK(f.verdict != Verdict::found);
  }
}

TEST_CASE("every row of the doctor says why it matters, and every row that is not found says what mends it") {
  InstanceFacts silent;  // who looked in vain says why
  silent.config_error = "no such file";
  silent.info_error = "no answer";
  silent.canary.why_not = "there is no cordond to ask";
  for (const auto& findings :
       {everything({}, {}, {}, silent), everything(good_kernel(), good_cgroups(), good_host(), good_instance())})
    for (const auto& f : findings) {
      INFO(f.name);
      CHECK_FALSE(f.why.empty());
      CHECK_FALSE(f.detail.empty());
      CHECK_FALSE(f.remedy.empty());
    }
}

TEST_CASE("the doctor's exit code is what monitoring expects") {
  const auto one = [](Verdict verdict, Weight weight) { return Finding{"x", verdict, weight, "", "", ""}; };
  CHECK(exit_code_of({one(Verdict::found, Weight::needed)}) == 0);
  CHECK(exit_code_of({one(Verdict::missing, Weight::useful)}) == 1);
  CHECK(exit_code_of({one(Verdict::missing, Weight::useful), one(Verdict::missing, Weight::needed)}) == 2);
  CHECK(exit_code_of({one(Verdict::not_tested, Weight::needed), one(Verdict::missing, Weight::needed)}) == 2);
  CHECK(exit_code_of({one(Verdict::not_tested, Weight::needed), one(Verdict::missing, Weight::useful)}) == 3);
  CHECK(exit_code_of({one(Verdict::not_tested, Weight::useful)}) == 0);
}

TEST_CASE("the doctor sees a kernel that is too old, or lacks a piece") {
  auto kernel = good_kernel();
  kernel.release = "5.18.0-1-amd64";
  CHECK(named(judge_kernel(kernel, {}), "kernel.version").verdict == Verdict::missing);
  kernel.release = "5.19.0";
  CHECK(named(judge_kernel(kernel, {}), "kernel.version").verdict == Verdict::found);
  kernel.release = "linux";
  CHECK(named(judge_kernel(kernel, {}), "kernel.version").verdict == Verdict::not_tested);
  kernel.seccomp_actions = "kill_process trap errno";
  CHECK(named(judge_kernel(kernel, {}), "kernel.seccomp").detail == "not in this kernel: user_notif");
  kernel.calls["openat2"] = Presence::absent;
  CHECK(named(judge_kernel(kernel, {}), "kernel.openat2").verdict == Verdict::missing);
  kernel.calls["openat2"] = Presence::not_told;
  CHECK(named(judge_kernel(kernel, {}), "kernel.openat2").verdict == Verdict::not_tested);
  kernel.landlock_abi = 0;
  CHECK(named(judge_kernel(kernel, {}), "kernel.landlock").verdict == Verdict::missing);
  kernel.namespaces.erase("cgroup");
  CHECK(named(judge_kernel(kernel, {}), "kernel.namespaces").detail == "not in this kernel: cgroup");
}

TEST_CASE("a rule of the distribution against user namespaces is no trouble where root can make them") {
  auto kernel = good_kernel();
  kernel.sysctls["kernel.apparmor_restrict_unprivileged_userns"] = "1";
  CHECK(named(judge_kernel(kernel, {}), "distribution.userns").verdict == Verdict::found);
  kernel.namespaces_made = "user namespace: Operation not permitted";
  CHECK(named(judge_kernel(kernel, {}), "distribution.userns").verdict == Verdict::missing);
  CHECK(named(judge_kernel(kernel, {}), "kernel.namespaces_made").verdict == Verdict::missing);
  kernel.namespaces_made.reset();
  CHECK(named(judge_kernel(kernel, {}), "kernel.namespaces_made").verdict == Verdict::not_tested);
  CHECK(named(judge_kernel(kernel, {}), "distribution.userns").verdict == Verdict::not_tested);
}

TEST_CASE("sysctls are judged by how many jobs the configuration allows") {
  auto kernel = good_kernel();
  kernel.sysctls["user.max_net_namespaces"] = "100";
  Config few;
  few.max_running = 16;
  CHECK(named(judge_kernel(kernel, few), "sysctl.user.max_net_namespaces").verdict == Verdict::found);
  CHECK(named(judge_kernel(kernel, {}), "sysctl.user.max_net_namespaces").verdict == Verdict::missing);
  kernel.sysctls["user.max_net_namespaces"] = "many";
  CHECK(named(judge_kernel(kernel, {}), "sysctl.user.max_net_namespaces").verdict == Verdict::not_tested);
}

TEST_CASE("the doctor knows both layouts of cgroups, and what was handed on") {
  auto cgroups = good_cgroups();
  cgroups.jobs_controllers = {"cpu", "memory"};
  CHECK(named(judge_cgroups(cgroups), "cgroups.delegation").verdict == Verdict::missing);
  cgroups.controllers.clear();
  CHECK(named(judge_cgroups(cgroups), "cgroups.layout").verdict == Verdict::missing);
  cgroups.legacy = {"cpu", "memory", "pids"};
  CHECK(named(judge_cgroups(cgroups), "cgroups.layout").verdict == Verdict::found);
  CHECK(named(judge_cgroups(cgroups), "cgroups.delegation").verdict == Verdict::found);
  cgroups.can_kill = false;
  CHECK(named(judge_cgroups(cgroups), "cgroups.kill").verdict == Verdict::missing);
}

TEST_CASE("ids that somebody else has are found, to the last one") {
  auto host = good_host();
  const Config config;
  const std::uint64_t first = config.first_uid, count = config.uid_count;
  host.ids = {{first - 10, 10, "below"}, {first + count, 10, "above"}};
  CHECK(named(judge_host(host, config), "ids.free").verdict == Verdict::found);
  host.ids = {{first + count - 1, 1, "/etc/passwd: eve"}};
  CHECK(named(judge_host(host, config), "ids.free").verdict == Verdict::missing);
  host.ids = {{first - 10, 11, "/etc/subuid: eve"}};
  CHECK(named(judge_host(host, config), "ids.free").verdict == Verdict::missing);
  host.ids = {};
  host.unread = {"/etc/subuid"};
  CHECK(named(judge_host(host, config), "ids.free").verdict == Verdict::not_tested);
}

TEST_CASE("a disk without room is missing, one that cannot hold what is retained is merely not useful") {
  auto host = good_host();
  host.state->free_bytes = 1 << 20;
  CHECK(named(judge_host(host, {}), "disk.state").weight == Weight::needed);
  CHECK(named(judge_host(host, {}), "disk.state").verdict == Verdict::missing);
  host.state->free_bytes = std::uint64_t{512} << 20;
  CHECK(named(judge_host(host, {}), "disk.state").weight == Weight::useful);
  host.state->free_inodes = 10;
  CHECK(named(judge_host(host, {}), "disk.state").weight == Weight::needed);
}

TEST_CASE("memory that could be swapped past its limit, and pids that are about to run out, are found missing") {
  auto cgroups = good_cgroups();
  cgroups.limits_swap = false;
  CHECK(named(judge_cgroups(cgroups), "cgroups.swap").verdict == Verdict::missing);
  auto host = good_host();
  host.pids_left = 2 * Config{}.admission.reserve.pids;
  CHECK(named(judge_host(host, {}), "pids.reserve").verdict == Verdict::missing);
  ++*host.pids_left;
  CHECK(named(judge_host(host, {}), "pids.reserve").verdict == Verdict::found);
  host.mkfs_erofs = false;
  CHECK(named(judge_host(host, {}), "tool.mkfs.erofs").verdict == Verdict::missing);
  CHECK(named(judge_host(host, {}), "tool.mkfs.erofs").weight == Weight::useful);
}

TEST_CASE("evidence that cannot be written is missing and needed, and turned off it is missing by somebody's will") {
  auto instance = good_instance();
  instance.info["evidence"]["state"] = "unavailable";
  CHECK(named(judge_instance(instance), "evidence").verdict == Verdict::missing);
  CHECK(named(judge_instance(instance), "evidence").weight == Weight::needed);
  instance.info["evidence"]["state"] = "off";
  CHECK(named(judge_instance(instance), "evidence").verdict == Verdict::missing);
  CHECK(named(judge_instance(instance), "evidence").weight == Weight::useful);
  instance.info["evidence"] = 7;
  CHECK(named(judge_instance(instance), "evidence").verdict == Verdict::not_tested);
  instance.images = {{"debian", {false, "belongs to uid 1000"}}, {"other", {std::nullopt, "Permission denied"}}};
  CHECK(named(judge_instance(instance), "image.debian").verdict == Verdict::missing);
  CHECK(named(judge_instance(instance), "image.other").verdict == Verdict::not_tested);
}

TEST_CASE("programs of different versions, a canary that failed and a kill switch that is engaged are told") {
  auto instance = good_instance();
  instance.info["launcher"]["version"] = "1.2.2";
  CHECK(named(judge_instance(instance), "versions").verdict == Verdict::missing);
  instance.engaged->emplace_back("all");
  CHECK(named(judge_instance(instance), "kill_switch").verdict == Verdict::missing);
  instance.canary.job["stdout"] = "41\n";
  CHECK(named(judge_instance(instance), "canary").verdict == Verdict::missing);
  instance.canary = {false, "it was refused", {}};
  CHECK(named(judge_instance(instance), "canary").verdict == Verdict::not_tested);
  instance.info = nullptr;
  instance.info_error = "no Cordon answers";
  CHECK(named(judge_instance(instance), "cordond").verdict == Verdict::missing);
  CHECK(named(judge_instance(instance), "versions").verdict == Verdict::not_tested);
}

TEST_CASE("an answer of another form than ours does not end the doctor") {
  auto instance = good_instance();
  instance.info = {{"version", 3}, {"launcher", "x"}};
  CHECK_NOTHROW(judge_instance(instance));
  instance = good_instance();
  instance.canary.job = {{"outcome", 7}, {"stdout", nullptr}, {"enforced", "x"}};
  CHECK(named(judge_instance(instance), "canary").verdict == Verdict::missing);
}

TEST_CASE("egress that nobody uses is said to be that, and nothing is said of a wall that nobody looked at") {
  EgressFacts egress;
  auto findings = judge_egress(egress, {});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].verdict == Verdict::not_tested);
  egress.granting = EgressFacts::Granting{};
  findings = judge_egress(egress, {});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].verdict == Verdict::found);
  CHECK(findings[0].detail.starts_with("not in use"));
}

TEST_CASE("egress that is used needs its wall and its proxy, and neither is fine before it was seen") {
  EgressFacts egress;
  egress.granting = EgressFacts::Granting{{"web"}, true};
  EgressConfig config;
  CHECK(named(judge_egress(egress, config), "egress").verdict == Verdict::missing);  // names, and nobody to ask
  egress.granting->by_name = false;
  CHECK(named(judge_egress(egress, config), "egress").verdict == Verdict::found);
  config.resolvers = {*parse_ip_address("192.0.2.53")};
  egress.granting->by_name = true;
  CHECK(named(judge_egress(egress, config), "egress").detail == "granted by web");
  for (const char* row : {"egress.wall", "egress.proxy"}) {
    CHECK(named(judge_egress(egress, config), row).verdict == Verdict::not_tested);
    CHECK(named(judge_egress(egress, config), row).weight == Weight::needed);
  }
  egress.wall = {false, "is not loaded"};
  egress.proxy = {true, "answers"};
  CHECK(named(judge_egress(egress, config), "egress.wall").verdict == Verdict::missing);
  CHECK(named(judge_egress(egress, config), "egress.wall").detail == "is not loaded");
  CHECK(named(judge_egress(egress, config), "egress.proxy").verdict == Verdict::found);
  CHECK(exit_code_of(judge_egress(egress, config)) == 2);
  egress.granting.reset();  // a resolver is configured, and cordond does not answer: it may be used
  CHECK(named(judge_egress(egress, config), "egress.wall").weight == Weight::needed);
  egress.granting = EgressFacts::Granting{};
  CHECK(named(judge_egress(egress, config), "egress.wall").weight == Weight::useful);
  for (const auto& f : judge_egress(egress, config)) {
    CHECK_FALSE(f.why.empty());
    CHECK_FALSE(f.remedy.empty());
  }
}
