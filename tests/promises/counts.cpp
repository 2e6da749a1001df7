#include "tests/promises/counts.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/promises/process.hpp"

namespace cordon::test {
namespace {

namespace fs = std::filesystem;

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

// A number behind "Name:" in /proc/PID/status; -1 when the process is gone.
long status_number(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  long value = -1;
  while (status >> word) {
    if (word == name && status >> value) return value;
    status.ignore(4096, '\n');
  }
  return -1;
}

std::size_t lines(const std::string& path) {
  const auto text = read_text(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool is_below(pid_t pid, pid_t ancestor) {
  for (long at = pid; at > 1; at = status_number(static_cast<pid_t>(at), "PPid:")) {
    if (at == ancestor) return true;
  }
  return false;
}

std::size_t distinct_net_namespaces(const std::set<pid_t>& processes) {
  std::set<std::string> seen;
  for (const auto pid : processes) {
    std::error_code error;
    const auto link = fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/net", error);
    if (!error) seen.insert(link.string());
  }
  return seen.size();
}

// Other instances come and go meanwhile: a directory that has just vanished is passed over, and theirs are not looked
// at.
void add_cgroups(const fs::path& directory, const std::string& wanted, bool inside, std::vector<std::string>& found) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_symlink(gone) || !at->is_directory(gone)) continue;
    const auto name = at->path().filename().string();
    const bool is_ours = inside || name == wanted;
    if (is_ours) found.push_back(at->path().string());
    if (is_ours || !name.starts_with("cordon-")) add_cgroups(at->path(), wanted, is_ours, found);
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Counts& c) {
  return out << "processes " << c.processes << ", mounts " << c.mounts_here << " here and " << c.mounts_launcher
             << " in the launcher, cgroups " << c.cgroups << ", network namespaces " << c.net_namespaces << ", fds "
             << c.fds_launcher << " in the launcher and " << c.fds_daemon << " in cordond";
}

std::vector<std::string> instance_cgroups(const std::string& instance) {
  std::vector<std::string> found;
  add_cgroups("/sys/fs/cgroup", "cordon-" + instance, false, found);
  return found;
}

std::vector<pid_t> job_processes(const Whose& whose) {
  std::vector<pid_t> found;
  for (const auto pid : all_pids()) {
    const auto uid = status_number(pid, "Uid:");
    const bool is_job = uid >= whose.first_uid && uid < long{whose.first_uid} + whose.uid_count;
    // One that is past exit_files() in do_exit() runs no instruction of its own any more; its cgroup says populated 0.
    if (is_job && status_number(pid, "FDSize:") > 0) found.push_back(pid);
  }
  return found;
}

pid_t parent_of(pid_t pid) {
  return static_cast<pid_t>(status_number(pid, "PPid:"));
}

std::size_t count_fds(pid_t pid) {
  std::error_code error;
  const fs::directory_iterator fds("/proc/" + std::to_string(pid) + "/fd", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(begin(fds), end(fds)));
}

Counts count(const Whose& whose) {
  const auto jobs = job_processes(whose);
  std::set<pid_t> processes(jobs.begin(), jobs.end());
  for (const auto pid : all_pids()) {
    if (is_below(pid, whose.launcher) || is_below(pid, whose.daemon)) processes.insert(pid);
  }
  return {.processes = processes.size(),
          .mounts_here = lines("/proc/self/mountinfo"),
          .mounts_launcher = lines("/proc/" + std::to_string(whose.launcher) + "/mountinfo"),
          .cgroups = instance_cgroups(whose.instance).size(),
          .net_namespaces = distinct_net_namespaces(processes),
          .fds_launcher = count_fds(whose.launcher),
          .fds_daemon = count_fds(whose.daemon)};
}

}  // namespace cordon::test
