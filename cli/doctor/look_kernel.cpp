#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/doctor/look.hpp"

namespace cordon::cli::doctor {
namespace {

namespace fs = std::filesystem;

struct Probe {
  const char* name;
  long number;
};
constexpr Probe probes[] = {{"clone3", SYS_clone3},   {"pidfd_open", SYS_pidfd_open},
                            {"openat2", SYS_openat2}, {"open_tree", SYS_open_tree},
                            {"fsopen", SYS_fsopen},   {"mount_setattr", SYS_mount_setattr}};

// With arguments that no kernel takes: ENOSYS says that it does not know the call; EPERM says nothing, since a seccomp
// filter says the same, and the kernel too of those who may not mount.
Presence presence_of(long number) {
  const auto rc = ::syscall(number, -1L, nullptr, 0L, nullptr, 0L, 0L);
  if (rc >= 0) return Presence::there;
  if (errno == ENOSYS) return Presence::absent;
  return errno == EPERM ? Presence::not_told : Presence::there;
}

std::map<std::string, Presence> look_at_calls() {
  std::map<std::string, Presence> calls;
  for (const auto& probe : probes) calls[probe.name] = presence_of(probe.number);
  calls["close_range"] =
      ::syscall(SYS_close_range, ~0U, 0U, 0U) < 0 && errno == ENOSYS ? Presence::absent : Presence::there;
  return calls;
}

std::set<std::string> look_at_namespaces() {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/proc/self/ns", none)) names.insert(entry.path().filename());
  return names;
}

std::optional<int> look_at_landlock() {
  const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi >= 0) return static_cast<int>(abi);
  return errno == ENOSYS || errno == EOPNOTSUPP ? std::optional(0) : std::nullopt;
}

struct Kind {
  const char* name;
  int flag;
};
constexpr Kind kinds[] = {{"user", CLONE_NEWUSER},    {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},
                          {"net", CLONE_NEWNET},      {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
                          {"cgroup", CLONE_NEWCGROUP}};

// The child's exit code: 0, or the number of the kind that could not be made, and errno in the pipe.
[[noreturn]] void make_them_all(int errors) {
  for (int i = static_cast<int>(std::size(kinds)) - 1; i >= 0; --i) {
    if (::unshare(kinds[i].flag) == 0) continue;
    const int error = errno;
    if (::write(errors, &error, sizeof error) < 0) ::_exit(100);
    ::_exit(i + 1);
  }
  ::_exit(0);
}

std::string what_failed(int status, int errors) {
  if (!WIFEXITED(status)) return "whoever tried was killed";
  const auto which = static_cast<std::size_t>(WEXITSTATUS(status));
  int error = 0;
  if (which == 0) return "";
  if (which > std::size(kinds) || ::read(errors, &error, sizeof error) != sizeof error) return "it could not be tried";
  return std::string(kinds[which - 1].name) + " namespace: " + std::strerror(error);
}

// As root only: what others may do is no matter to Cordon.
std::optional<std::string> make_namespaces() {
  int ends[2];
  if (::geteuid() != 0 || ::pipe2(ends, O_CLOEXEC) < 0) return std::nullopt;
  const auto child = ::fork();
  if (child == 0) make_them_all(ends[1]);
  ::close(ends[1]);
  int status = 0;
  const bool waited = child > 0 && ::waitpid(child, &status, 0) == child;
  auto failed = waited ? std::optional(what_failed(status, ends[0])) : std::nullopt;
  ::close(ends[0]);
  return failed;
}

bool has_line_with(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(word) != std::string::npos) return true;
  return false;
}

// Loaded now, or among the modules of the kernel that runs.
Presence look_for_module(const std::string& name, const std::string& release) {
  const auto loaded = text_of_file("/proc/filesystems");
  if (loaded && has_line_with(*loaded, "\t" + name)) return Presence::there;
  if (::access(("/sys/module/" + name).c_str(), F_OK) == 0) return Presence::there;
  const auto folder = "/lib/modules/" + release;
  const auto built_in = text_of_file(folder + "/modules.builtin"), loadable = text_of_file(folder + "/modules.dep");
  if (!built_in || !loadable) return Presence::not_told;
  const bool known = has_line_with(*built_in, "/" + name + ".ko") || has_line_with(*loadable, "/" + name + ".ko");
  return known ? Presence::there : Presence::absent;
}

std::optional<std::string> sysctl(std::string name) {
  for (auto& c : name)
    if (c == '.') c = '/';
  auto text = text_of_file("/proc/sys/" + name);
  while (text && !text->empty() && text->back() == '\n') text->pop_back();
  return text;
}

}  // namespace

std::optional<std::string> text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return in.bad() ? std::nullopt : std::optional(std::move(text).str());
}

KernelFacts look_at_kernel() {
  KernelFacts kernel;
  utsname names{};
  if (::uname(&names) == 0) kernel.release = names.release;
  kernel.calls = look_at_calls();
  kernel.namespaces = look_at_namespaces();
  kernel.seccomp_actions = sysctl("kernel.seccomp.actions_avail");
  kernel.landlock_abi = look_at_landlock();
  kernel.namespaces_made = make_namespaces();
  for (const char* name : {"overlay", "erofs", "loop"})
    kernel.file_systems[name] = look_for_module(name, kernel.release);
  for (const char* name :
       {"user.max_user_namespaces", "user.max_pid_namespaces", "user.max_net_namespaces", "user.max_mnt_namespaces",
        "user.max_ipc_namespaces", "user.max_uts_namespaces", "user.max_cgroup_namespaces", "kernel.pid_max",
        "fs.nr_open", "kernel.apparmor_restrict_unprivileged_userns", "kernel.unprivileged_userns_clone"})
    kernel.sysctls[name] = sysctl(name);
  return kernel;
}

}  // namespace cordon::cli::doctor
