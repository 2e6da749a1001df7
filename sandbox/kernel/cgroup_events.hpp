// What the kernel says of the life in a cgroup (cgroups(7), "cgroup.events").
#pragma once

#include <chrono>
#include <string>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

// A cgroup's cgroup.events. Throws KernelError.
Fd open_cgroup_events(const std::string& cgroup);

// False when it says `populated 0`, or that the cgroup is gone. The open file means this cgroup and no other, which may
// have got its name since; a change wakes who polls it for POLLPRI. Throws KernelError.
bool is_populated(const Fd& events);

// True once it says `populated 0`, or is gone; false when it does not in time.
bool wait_until_empty(const std::string& cgroup, std::chrono::milliseconds patience);

}  // namespace cordon
