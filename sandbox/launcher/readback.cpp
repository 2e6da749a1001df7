#include "sandbox/launcher/readback.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/words.hpp"

namespace cordon {

namespace {

[[noreturn]] void differs(const std::string& control, const std::string& wanted, const std::string& found) {
  throw KernelError("read back", fmt::format("{}: planned {}, the kernel says {}", control, wanted, found),
                    ENOTRECOVERABLE, "this kernel does not enforce what the profile promises; see cordon doctor");
}

void expect(Facts& facts, const std::string& control, const std::string& wanted, const std::string& found) {
  if (wanted != found) differs(control, wanted, found);
  facts.emplace_back(control, found);
}

// Its words, with one space between them.
std::string in_one_line(std::string_view text) {
  std::string words;
  for (auto word = take_word(text); !word.empty(); word = take_word(text))
    words.append(words.empty() ? "" : " ").append(word);
  return words;
}

void add_identity(Facts& facts, const LaunchPlan& plan, const Fd& proc) {
  const auto status = read_file(proc.get(), "status");
  const auto id = fmt::format("{0} {0} {0} {0}", plan.lease.tool_uid);
  expect(facts, "uid", id, status_field(status, "Uid"));
  expect(facts, "gid", id, status_field(status, "Gid"));
  expect(facts, "groups", "", status_field(status, "Groups"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    expect(facts, fmt::format("capabilities.{}", set), fmt::format("{:016x}", plan.init.capabilities),
           status_field(status, set));
  expect(facts, "no_new_privs", "1", status_field(status, "NoNewPrivs"));
  expect(facts, "seccomp", "2", status_field(status, "Seccomp"));
  expect(facts, "seccomp.filters", "1", status_field(status, "Seccomp_filters"));
  facts.emplace_back("seccomp.sha256", hex(plan.filter));
  const auto map = read_file(proc.get(), "uid_map");
  expect(facts, "uid_map", fmt::format("{} {} 1", plan.init.inside_uid, plan.lease.tool_uid), in_one_line(map));
}

// Pid 1, beside which the tool will live.
void add_init(Facts& facts, const LaunchPlan& plan, int pid) {
  const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
  expect(facts, "init.uid", fmt::format("{0} {0} {0} {0}", plan.lease.init_uid), status_field(status, "Uid"));
  expect(facts, "init.gid", fmt::format("{0} {0} {0} {0}", plan.lease.init_uid), status_field(status, "Gid"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    expect(facts, fmt::format("init.capabilities.{}", set), "0000000000000000", status_field(status, set));
  expect(facts, "init.no_new_privs", "1", status_field(status, "NoNewPrivs"));
  expect(facts, "init.seccomp", "2", status_field(status, "Seccomp"));
  struct stat owner {};  // root, and not the process's own user, when it is not dumpable (proc(5))
  const auto environ = "/proc/" + std::to_string(pid) + "/environ";
  check(::stat(environ.c_str(), &owner), "stat", environ);
  expect(facts, "init.dumpable", "0", owner.st_uid == 0 ? "0" : "1");
}

// What only the sandbox itself can read back: that it was told.
void require_told(const Probed& probed) {
  for (const char* control :
       {"sysctl.user.max_cgroup_namespaces", "sysctl.user.max_ipc_namespaces", "sysctl.user.max_mnt_namespaces",
        "sysctl.user.max_net_namespaces", "sysctl.user.max_pid_namespaces", "sysctl.user.max_time_namespaces",
        "sysctl.user.max_user_namespaces", "sysctl.user.max_uts_namespaces", "landlock.abi"}) {
    const auto is_it = [&](const auto& fact) { return fact.first == control; };
    if (std::none_of(probed.facts.begin(), probed.facts.end(), is_it)) differs(control, "applied", "nothing of it");
  }
}

constexpr std::array<const char*, 7> namespace_kinds{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
using NamespaceIds = std::array<ino_t, namespace_kinds.size()>;

NamespaceIds namespaces_of(const Fd& proc) {
  NamespaceIds ids{};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    struct stat st {};
    const auto name = std::string("ns/") + namespace_kinds[i];
    check(::fstatat(proc.get(), name.c_str(), &st, 0), "stat", name);
    ids[i] = st.st_ino;
  }
  return ids;
}

// No launcher's process ever leaves them.
const NamespaceIds& namespaces_of_launcher() {
  static const auto ids = namespaces_of(open_directory("/proc/self"));
  return ids;
}

void add_namespaces(Facts& facts, const Fd& proc) {
  const auto& ours = namespaces_of_launcher();
  const auto inside = namespaces_of(proc);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const std::string kind = namespace_kinds[i];
    if (inside[i] == ours[i]) differs("ns/" + kind, "a namespace of its own", "the launcher's");
    facts.emplace_back("namespace." + kind, std::to_string(inside[i]));
  }
}

// The interfaces of the sandbox's network namespace, and its routes: "lo" and none.
void add_network(Facts& facts, const Fd& proc) {
  const auto devices = read_file(proc.get(), "net/dev");
  std::string interfaces;
  std::string_view lines = devices;
  for (auto line = take_line(lines); line; line = take_line(lines)) {
    if (line->find(':') == std::string_view::npos) continue;
    auto name = take_field(*line, ':');
    interfaces.append(interfaces.empty() ? "" : " ").append(take_word(name));
  }
  expect(facts, "network.interfaces", "lo", interfaces);
  const auto routes = read_file(proc.get(), "net/route");
  expect(facts, "network.routes", "0",
         std::to_string(std::max<long>(std::count(routes.begin(), routes.end(), '\n'), 1) - 1));
}

struct NamedLimit {
  int resource;
  const char* name;  // of /proc/PID/limits
};
constexpr NamedLimit named_limits[] = {{RLIMIT_CORE, "core"},         {RLIMIT_FSIZE, "fsize"},
                                       {RLIMIT_MEMLOCK, "memlock"},   {RLIMIT_NOFILE, "nofile"},
                                       {RLIMIT_NICE, "nice"},         {RLIMIT_RTPRIO, "rtprio"},
                                       {RLIMIT_RTTIME, "rttime"},     {RLIMIT_STACK, "stack"},
                                       {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_SIGPENDING, "sigpending"}};

const char* limit_name(int resource) {
  const auto found = std::find_if(std::begin(named_limits), std::end(named_limits),
                                  [&](const NamedLimit& l) { return l.resource == resource; });
  return found == std::end(named_limits) ? "?" : found->name;
}

std::string limit_control(int resource) {
  return fmt::format("rlimit.{}", limit_name(resource));
}

void add_resource_limits(Facts& facts, const Lease& lease, const std::vector<ResourceLimit>& limits, int pid) {
  EffectiveUser owner(lease.init_uid);
  for (const auto& [resource, value] : limits) {
    rlimit found{};
    check(::prlimit(pid, static_cast<__rlimit_resource>(resource), nullptr, &found), "read resource limit",
          limit_name(resource));
    expect(facts, limit_control(resource), fmt::format("{0} {0}", value),
           fmt::format("{} {}", found.rlim_cur, found.rlim_max));
  }
  owner.leave();
}

}  // namespace

void remember_own_namespaces() {
  namespaces_of_launcher();
}

std::string status_field(std::string_view status, std::string_view key) {
  for (auto line = take_line(status); line; line = take_line(status)) {
    if (!line->starts_with(key) || line->size() <= key.size() || (*line)[key.size()] != ':') continue;
    return in_one_line(line->substr(key.size() + 1));
  }
  return "absent";
}

namespace {

// A line of mountinfo.
struct Mount {
  std::string device, point, options, type, super;

  bool has(std::string_view option) const {
    for (std::string_view left = options; !left.empty();)
      if (take_field(left, ',') == option) return true;
    return false;
  }
};

Mount parse_mount(std::string_view line) {
  Mount mount;
  for (int i = 0; i < 2; ++i) take_word(line);
  mount.device = take_word(line);
  take_word(line);
  mount.point = take_word(line);
  mount.options = take_word(line);
  const auto propagation = take_word(line);  // shared:N, master:N
  if (propagation != "-") differs("mount " + mount.point, "private", std::string(propagation));
  mount.type = take_word(line);
  take_word(line);
  mount.super = take_word(line);
  return mount;
}

void expect_restricted(const Mount& mount, bool may_write) {
  const auto& point = mount.point;
  if (!mount.has("ro") && !may_write) differs("mount " + point, "read-only", mount.options);
  if (!mount.has("nosuid")) differs("mount " + point, "nosuid", mount.options);
  if (!mount.has("nodev") && point != "/dev") differs("mount " + point, "nodev", mount.options);
  if (point == "/" && mount.type != "overlay") differs("mount /", "a view of the job's own", mount.type);
  if (mount.type == "proc" && mount.super.find("subset=pid") == std::string::npos)
    differs("mount " + point, "subset=pid", mount.super);
}

}  // namespace

Facts mount_facts(std::string_view mountinfo, WantedMounts wanted) {
  std::set<std::string, std::less<>> writable{"/work", "/tmp", "/dev/shm"};
  if (wanted.writable_image) writable.insert({"/", "/usr"});
  std::map<std::string, std::string, std::less<>> mounts, devices;
  for (auto line = take_line(mountinfo); line; line = take_line(mountinfo)) {
    const auto mount = parse_mount(*line);
    expect_restricted(mount, writable.contains(mount.point));
    mounts["mount." + mount.point] = mount.type + " " + mount.options;
    devices[mount.point] = mount.device;
  }
  std::vector<const char*> on_scratch{"/work", "/dev/shm", "/tmp"}, points{"/", "/proc", "/dev"};
  if (wanted.hosts) on_scratch.push_back("/etc/hosts");
  points.insert(points.end(), on_scratch.begin(), on_scratch.end());
  for (const char* point : points)
    if (!devices.contains(point)) differs(std::string("mount ") + point, "mounted", "absent");
  for (const char* point : on_scratch)  // a host's own may have the very same options
    if (devices[point] != devices["/work"])
      differs(std::string("mount ") + point, "the scratch, " + devices["/work"], devices[point]);
  return {mounts.begin(), mounts.end()};
}

Facts read_back(const LaunchPlan& plan, const Cgroup& cgroup, int init_pid, int pid, const Probed& probed) {
  const auto proc = open_directory("/proc/" + std::to_string(pid));
  auto facts = cgroup.expect_member(pid);
  add_identity(facts, plan, proc);
  add_init(facts, plan, init_pid);
  add_namespaces(facts, proc);
  require_told(probed);
  facts.insert(facts.end(), probed.facts.begin(), probed.facts.end());
  const WantedMounts wanted{plan.init.writable_image, !plan.egress.empty()};
  for (auto& fact : mount_facts(read_file(proc.get(), "mountinfo"), wanted)) facts.push_back(std::move(fact));
  add_network(facts, proc);
  add_resource_limits(facts, plan.lease, plan.init.rlimits, pid);
  for (const auto& limit : resource_limits_of_job(plan.ceiling))  // told when they are the job's
    std::erase_if(facts, [&](const auto& fact) { return fact.first == limit_control(limit.resource); });
  expect(facts, "oom_score_adj", "1000\n", read_file(proc.get(), "oom_score_adj"));
  facts.back().second = "1000";
  facts.emplace_back("self_probe", fmt::format("{} attempts, all refused", probed.refused));
  return facts;
}

Facts read_back_limits(const LaunchPlan& plan, const Limits& limits, const Cgroup& cgroup, const Workspace& workspace) {
  auto facts = cgroup.read_back(limits);
  for (auto& fact : workspace.read_back(scratch_bounds(plan, limits))) facts.push_back(std::move(fact));
  return facts;
}

Facts read_back_resource_limits(const LaunchPlan& plan, const Limits& limits, int pid) {
  Facts facts;
  add_resource_limits(facts, plan.lease, resource_limits_of_job(limits), pid);
  return facts;
}

}  // namespace cordon
