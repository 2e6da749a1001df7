#include "sandbox/launcher/cgroup_layout.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/words.hpp"
#include "sandbox/launcher/cgroup.hpp"

namespace cordon {

namespace {

constexpr std::chrono::seconds claim_patience{5};  // with the sandboxes of a launcher that was killed
constexpr const char* needed_controllers[] = {"memory", "pids", "cpu"};

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) check(-1, "make cgroup", path);
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  for (std::string w; words >> w;)
    if (w == word) return true;
  return false;
}

bool has_controllers(const std::string& directory) {
  const auto controllers = read_file(directory + "/cgroup.controllers");
  return std::all_of(std::begin(needed_controllers), std::end(needed_controllers),
                     [&](const char* c) { return has_word(controllers, c); });
}

std::string own_unified_path() {
  const auto path = cgroup_of(read_file("/proc/self/cgroup"), "");
  return path.empty() ? "/" : path;
}

// systemd marks the cgroup of a unit with Delegate=yes (systemd.resource-control(5)).
bool is_delegated(const std::string& directory) {
  char value = 0;
  return (::getxattr(directory.c_str(), "trusted.delegate", &value, 1) == 1 ||
          ::getxattr(directory.c_str(), "user.delegate", &value, 1) == 1) &&
         value == '1';
}

// Children can have limits only if the parent hands the controllers on, and then the parent itself may hold no process.
void hand_on_controllers(const std::string& directory) {
  const auto now = read_file(directory + "/cgroup.subtree_control");
  for (const auto* controller : needed_controllers)
    if (!has_word(now, controller)) write_file(directory + "/cgroup.subtree_control", std::string("+") + controller);
}

std::string prepare_delegated(const std::string& own) {
  make_directory(own + "/supervisor");
  write_file(own + "/supervisor/cgroup.procs", "0");
  hand_on_controllers(own);
  // What memory is kept for the unit is kept for us, not for jobs.
  if (const auto kept = read_file_if_there(AT_FDCWD, own + "/memory.min"))
    write_file(own + "/supervisor/memory.min", *kept);
  return own;
}

std::string prepare_at_root(const std::string& root, const std::string& instance) {
  for (const auto* controller : needed_controllers) {
    if (has_word(read_file(root + "/cgroup.subtree_control"), controller)) continue;
    throw KernelError("find cgroup controller", controller, ENOENT,
                      "run as a systemd unit with Delegate=yes, or: echo +" + std::string(controller) + " > " + root +
                          "/cgroup.subtree_control");
  }
  auto own = root + "/cordon-" + instance;
  make_directory(own);
  hand_on_controllers(own);
  return own;
}

CgroupLayout prepare_unified(const std::string& root, const std::string& instance) {
  const auto own = root + own_unified_path();
  const auto base = is_delegated(own) ? prepare_delegated(own) : prepare_at_root(root, instance);
  make_directory(base + "/jobs");
  hand_on_controllers(base + "/jobs");
  return {false, base + "/jobs", {}, true};
}

// Without memory.memsw.* a limit on memory could be evaded into swap: acceptable only where there is none.
bool has_swap_limit(const std::string& memory) {
  if (::access((memory + "/memory.memsw.limit_in_bytes").c_str(), F_OK) == 0) return true;
  const auto swaps = read_file("/proc/swaps");
  if (std::count(swaps.begin(), swaps.end(), '\n') > 1)
    throw KernelError("limit swap", memory, ENOENT, "boot with swapaccount=1, or turn swap off");
  return false;
}

CgroupLayout prepare_hybrid(const CgroupMounts& mounts, const std::string& instance) {
  CgroupLayout layout{true, mounts.unified + "/cordon-" + instance + "/jobs", {}, true};
  make_directory(mounts.unified + "/cordon-" + instance);
  make_directory(layout.unified);
  for (const auto* controller : needed_controllers) {
    const auto found = mounts.legacy.find(controller);
    if (found == mounts.legacy.end())
      throw KernelError("find cgroup controller", controller, ENOENT, "mount it, or boot with cgroup v2");
    const auto own = found->second + "/cordon-" + instance;
    make_directory(own);
    layout.legacy.emplace(controller, own);
  }
  layout.swap_limited = has_swap_limit(layout.legacy.at("memory"));
  return layout;
}

}  // namespace

CgroupMounts find_cgroup_mounts(std::string_view mountinfo) {
  CgroupMounts mounts;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skip, point, type, source, options;
    fields >> skip >> skip >> skip >> skip >> point >> skip;
    while (fields >> skip && skip != "-") {
    }
    fields >> type >> source >> options;
    if (type == "cgroup2" && mounts.unified.empty()) mounts.unified = point;
    if (type != "cgroup") continue;
    std::istringstream controllers(options);
    for (std::string option; std::getline(controllers, option, ',');) mounts.legacy.emplace(option, point);
  }
  return mounts;
}

// Lines like "4:cpu,cpuacct:/path", and "0::/path" (cgroups(7)).
std::string cgroup_of(std::string_view proc_cgroup, std::string_view controller) {
  for (auto line = take_line(proc_cgroup); line; line = take_line(proc_cgroup)) {
    take_field(*line, ':');
    auto controllers = take_field(*line, ':');
    if (controllers == controller) return std::string(*line);
    while (!controllers.empty())
      if (take_field(controllers, ',') == controller) return std::string(*line);
  }
  return "";
}

std::vector<std::string> CgroupLayout::legacy_directories() const {
  std::set<std::string> directories;
  for (const auto& [controller, directory] : legacy) directories.insert(directory);
  return {directories.begin(), directories.end()};
}

CgroupLayout prepare_cgroups(const std::string& instance) {
  const auto mounts = find_cgroup_mounts(read_file("/proc/self/mountinfo"));
  if (mounts.unified.empty())
    throw KernelError("find the cgroup v2 tree", "", ENOENT, "mount -t cgroup2 none /sys/fs/cgroup/unified");
  if (has_controllers(mounts.unified)) return prepare_unified(mounts.unified, instance);
  return prepare_hybrid(mounts, instance);
}

Fd claim_cgroups(const CgroupLayout& layout) {
  auto claim = open_directory(layout.unified);
  if (!lock_within(claim.get(), claim_patience))
    throw KernelError("claim the cgroups below", layout.unified, EWOULDBLOCK,
                      "another launcher of this name runs: stop it; private instances must share /run/lock");
  return claim;
}

Swept sweep_cgroups(const CgroupLayout& layout) {
  Swept swept;
  auto sweep = [&](const std::string& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const auto name = entry.path().filename().string();
      if (!entry.is_directory() || swept.hanging.contains(name)) continue;
      try {
        Cgroup::adopt(layout, name).destroy();
        ++swept.removed;
      } catch (const KernelError& e) {
        if (e.error != EBUSY) throw;
        swept.hanging.insert(name);
      }
    }
  };
  sweep(layout.unified);
  for (const auto& directory : layout.legacy_directories()) sweep(directory);
  return swept;
}

void remove_cgroups(const CgroupLayout& layout) {
  ::rmdir(layout.unified.c_str());
  const auto base = layout.unified.substr(0, layout.unified.rfind('/'));
  if (base.find("/cordon-") != std::string::npos) ::rmdir(base.c_str());
  for (const auto& directory : layout.legacy_directories()) ::rmdir(directory.c_str());
}

}  // namespace cordon
