// What the kernel says about a sandbox that is ready to go: read from outside, held against the plan, and reported. Any
// difference refuses the job.
// Runs in: launcher, as root, while the tool's process waits.
#pragma once

#include <string_view>

#include "sandbox/init_plan.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/workspace.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// `init_pid`: pid 1 of the sandbox; `pid`: the tool's process, in the launcher's pid namespace. Both throw
// KernelError("read back", control …).
Facts read_back(const LaunchPlan& plan, const Cgroup& cgroup, int init_pid, int pid, const Probed& probed);
// What each job has of its own: of all its processes together, and of each.
Facts read_back_limits(const LaunchPlan& plan, const Limits& limits, const Cgroup& cgroup, const Workspace& workspace);
Facts read_back_resource_limits(const LaunchPlan& plan, const Limits& limits, int pid);

// Once, before the first sandbox: those of its own that a sandbox's must not be.
void remember_own_namespaces();

// The pure parts.
std::string status_field(std::string_view status, std::string_view key);  // of /proc/PID/status, spaces for tabs
struct WantedMounts {
  bool writable_image = false;
  bool hosts = false;
};
// Throws unless every mount is read-only (but the scratch and, when planned so, the image), nosuid and, off /dev,
// nodev, and /work, /tmp, /dev/shm and, when there are to be names in it, /etc/hosts are of one file system.
Facts mount_facts(std::string_view mountinfo, WantedMounts wanted = {});

}  // namespace cordon
