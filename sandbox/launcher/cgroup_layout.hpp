// Where this host keeps its cgroup controllers, and Cordon's own subtree there (cgroups(7)). Found out once, at start.
// Runs in: launcher, as root.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

// What /proc/self/mountinfo says. Pure.
struct CgroupMounts {
  std::string unified;                        // the v2 tree
  std::map<std::string, std::string> legacy;  // v1 controller -> mount point
};
CgroupMounts find_cgroup_mounts(std::string_view mountinfo);

struct CgroupLayout {
  bool hybrid = false;                        // controllers in v1; membership, kill and events in v2
  std::string unified;                        // directory in the v2 tree whose children are jobs
  std::map<std::string, std::string> legacy;  // hybrid: controller -> directory whose children are jobs
  bool swap_limited = true;                   // hybrid: false where the kernel has no memory.memsw.* and no swap is on

  const char* name() const { return hybrid ? "hybrid" : "v2"; }
  std::vector<std::string> legacy_directories() const;  // each once (two may be one mount)
};

// The path in the hierarchy of `controller` ("": v2) of a process with this /proc/PID/cgroup; "" when it is in none.
std::string cgroup_of(std::string_view proc_cgroup, std::string_view controller);

// Makes the subtree of this instance: the unit's own delegated cgroup under systemd, else /cordon-<instance> at each
// root.
CgroupLayout prepare_cgroups(const std::string& instance);

// Held as long as this launcher works there: two of one name, in different mount namespaces even, would sweep each
// other's jobs. Throws when another has it.
Fd claim_cgroups(const CgroupLayout& layout);

struct Swept {
  unsigned removed = 0;           // how many there were
  std::set<std::string> hanging;  // the names of those whose processes the kernel does not let go
};
// Kills whatever an earlier launcher of this instance left, waits until it is gone, and removes it.
Swept sweep_cgroups(const CgroupLayout& layout);

// Removes the subtree of a private instance.
void remove_cgroups(const CgroupLayout& layout);

}  // namespace cordon
