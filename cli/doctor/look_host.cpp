#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

#include "cli/doctor/look.hpp"

namespace cordon::cli::doctor {
namespace {

std::vector<std::string> fields_of(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, separator);) fields.push_back(field);
  return fields;
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// "name:first:count" (subuid(5)), or an account's "name:x:id:…" (passwd(5), group(5)).
struct IdFile {
  const char* path;
  std::size_t first, count;  // the fields; count 0: one id
};
constexpr IdFile id_files[] = {
    {"/etc/subuid", 1, 2}, {"/etc/subgid", 1, 2}, {"/etc/passwd", 2, 0}, {"/etc/group", 2, 0}};

void read_ids(const IdFile& file, HostFacts& host) {
  const auto text = text_of_file(file.path);
  if (!text) {
    if (::access(file.path, F_OK) == 0) host.unread.emplace_back(file.path);
    return;
  }
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = fields_of(line, ':');
    if (fields.size() <= std::max(file.first, file.count)) continue;
    const auto first = whole_number(fields[file.first]);
    const auto count = file.count == 0 ? std::optional<std::uint64_t>(1) : whole_number(fields[file.count]);
    if (first && count && *count > 0) host.ids.push_back({*first, *count, std::string(file.path) + ": " + fields[0]});
  }
}

std::optional<Disk> look_at_disk(const std::string& path) {
  struct statvfs room {};
  if (::statvfs(path.c_str(), &room) < 0) return std::nullopt;
  return Disk{path, std::uint64_t{room.f_bavail} * room.f_frsize, room.f_favail};
}

std::optional<std::uint64_t> memory(const std::string& key) {
  std::istringstream lines(text_of_file("/proc/meminfo").value_or(""));
  for (std::string word; lines >> word;) {
    std::uint64_t kib = 0;
    if (word == key + ":" && lines >> kib) return kib * 1024;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_in(const char* path) {
  const auto text = text_of_file(path);
  return text ? whole_number(text->substr(0, text->find('\n'))) : std::nullopt;
}

// The fourth word of /proc/loadavg is runnable/existing (proc(5)).
std::optional<std::uint64_t> pids_left() {
  const auto pids = number_in("/proc/sys/kernel/pid_max"), threads = number_in("/proc/sys/kernel/threads-max");
  const auto load = fields_of(text_of_file("/proc/loadavg").value_or(""), ' ');
  const auto tasks = load.size() > 3 ? fields_of(load[3], '/') : std::vector<std::string>();
  const auto taken = tasks.size() == 2 ? whole_number(tasks[1]) : std::nullopt;
  if (!pids || !threads || !taken) return std::nullopt;
  const auto most = std::min(*pids, *threads);
  return most - std::min(most, *taken);
}

// adjtimex(2), which only reads here.
std::optional<bool> is_clock_synchronised() {
  timex state{};
  const int rc = ::adjtimex(&state);
  if (rc < 0) return std::nullopt;
  return rc != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

std::string find_nft() {
  for (const char* path : {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft"})
    if (::access(path, X_OK) == 0) return path;
  return "";
}

std::optional<bool> answers_netfilter() {
  constexpr int netlink_netfilter = 12;
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, netlink_netfilter);
  if (fd >= 0) return ::close(fd), true;
  return errno == EPROTONOSUPPORT ? std::optional(false) : std::nullopt;
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  std::set<std::string> all;
  for (std::string word; words >> word;) all.insert(word);
  return all;
}

// A line of /proc/self/mounts: source, place, type, options. Where version 1 has its controller of memory, if it has.
void read_mount(const std::string& line, CgroupFacts& cgroups, std::string& legacy_memory) {
  const auto fields = fields_of(line, ' ');
  if (fields.size() < 4) return;
  if (fields[2] == "cgroup2" && cgroups.unified.empty()) cgroups.unified = fields[1];
  if (fields[2] != "cgroup") return;
  for (const auto& option : fields_of(fields[3], ',')) {
    cgroups.legacy.insert(option);
    if (option == "memory") legacy_memory = fields[1];
  }
}

// A cgroup that is not the root, to look for what the root does not have.
std::optional<std::string> some_cgroup(const std::string& unified, const std::optional<std::string>& jobs) {
  std::vector<std::string> candidates{unified + "/system.slice", unified + "/init.scope", unified + "/user.slice"};
  if (jobs) candidates.insert(candidates.begin(), *jobs);
  for (const auto& directory : candidates)
    if (::access((directory + "/cgroup.procs").c_str(), F_OK) == 0) return directory;
  return std::nullopt;
}

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// Without a limit on swap, memory that a job may not have could go there (swapaccount=1 on the kernel's command line).
std::optional<bool> limits_swap(const CgroupFacts& cgroups, const std::string& legacy_memory) {
  const auto swaps = text_of_file("/proc/swaps");
  if (swaps && std::count(swaps->begin(), swaps->end(), '\n') <= 1) return true;
  if (!legacy_memory.empty()) return is_there(legacy_memory + "/memory.memsw.limit_in_bytes");
  const auto cgroup = some_cgroup(cgroups.unified, cgroups.jobs);
  if (!swaps || !cgroup || !is_there(*cgroup + "/memory.max")) return std::nullopt;
  return is_there(*cgroup + "/memory.swap.max");
}

// The root itself has no cgroup.kill; where we are may be the root.
std::optional<bool> can_kill(const std::string& unified, const std::optional<std::string>& jobs) {
  const auto cgroup = some_cgroup(unified, jobs);
  return cgroup ? std::optional(is_there(*cgroup + "/cgroup.kill")) : std::nullopt;
}

// As the launcher has written it down; only root may read that.
std::optional<std::string> jobs_directory(const std::string& runtime_dir) {
  std::istringstream lines(text_of_file(runtime_dir + "/launcher.env").value_or(""));
  constexpr std::string_view key = "JOBS_CGROUP=";
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return line.substr(key.size());
  return std::nullopt;
}

}  // namespace

CgroupFacts look_at_cgroups(const Session& session) {
  CgroupFacts cgroups;
  std::istringstream lines(text_of_file("/proc/self/mounts").value_or(""));
  std::string legacy_memory;
  for (std::string line; std::getline(lines, line);) read_mount(line, cgroups, legacy_memory);
  if (cgroups.unified.empty()) return cgroups;
  cgroups.controllers = words_of(text_of_file(cgroups.unified + "/cgroup.controllers").value_or(""));
  cgroups.jobs = jobs_directory(session.runtime_dir);
  if (cgroups.jobs)
    cgroups.jobs_controllers = words_of(text_of_file(*cgroups.jobs + "/cgroup.subtree_control").value_or(""));
  cgroups.can_kill = can_kill(cgroups.unified, cgroups.jobs);
  cgroups.limits_swap = limits_swap(cgroups, legacy_memory);
  return cgroups;
}

HostFacts look_at_host(const Places& places) {
  HostFacts host;
  for (const auto& file : id_files) read_ids(file, host);
  host.state = look_at_disk(places.state_dir);
  host.memory_available = memory("MemAvailable");
  host.pids_left = pids_left();
  host.clock_synchronised = is_clock_synchronised();
  host.nft = find_nft();
  host.nf_tables = answers_netfilter();
  host.mkfs_erofs = ::access("/usr/bin/mkfs.erofs", X_OK) == 0;
  host.lsm = text_of_file("/sys/kernel/security/lsm");
  return host;
}

}  // namespace cordon::cli::doctor
