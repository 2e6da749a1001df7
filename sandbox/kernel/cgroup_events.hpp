// What the kernel says of the life in a cgroup (cgroups(7), "cgroup.events").
#pragma once

#include <chrono>
#include <string>

namespace cordon {

// True once it says `populated 0`, or is gone; false when it does not in time.
bool wait_until_empty(const std::string& cgroup, std::chrono::milliseconds patience);

}  // namespace cordon
