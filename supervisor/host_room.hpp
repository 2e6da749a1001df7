// What the kernel says is left of the host for another job.
#pragma once

#include "supervisor/admission/host_reserve.hpp"

namespace cordon {

// MemAvailable of /proc/meminfo, and what is left of kernel.pid_max and kernel.threads-max beside the tasks that
// /proc/loadavg counts (proc(5)). Throws nothing: what cannot be read is not said.
HostRoom read_host_room();

// The latest reading. Taking one costs some 60 microseconds, and little changes in a tenth of a second.
class HostWatch {
 public:
  HostRoom look(SteadyTime now);

 private:
  static constexpr std::chrono::milliseconds fresh{100};
  std::optional<SteadyTime> read_at_;
  HostRoom room_;
};

// How likely the kernel is to kill cordond when memory runs out: -1000 (never) to 1000; nullopt: it did not say.
std::optional<int> own_oom_score_adj();

}  // namespace cordon
