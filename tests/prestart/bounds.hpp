// What bounds a program of these tests, and all that it starts, before its first instruction: a cgroup of the test's
// own for each run. (RLIMIT_NPROC bounds nobody who is root.)
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "sandbox/launcher/cgroup.hpp"

namespace cordon::prestart {

class Bounds {
 public:
  static constexpr std::uint64_t processes = 64, memory_bytes = std::uint64_t{1} << 30;

  explicit Bounds(std::chrono::seconds time);  // of the run, whatever it says meanwhile
  ~Bounds() = default;                         // kills what is left in it
  Bounds(const Bounds&) = delete;
  Bounds& operator=(const Bounds&) = delete;

  pid_t start(const std::function<void()>& in_child) const;  // which does not return
  void kill();
  std::chrono::milliseconds left() const;  // at least none
  std::uint64_t forks_denied() const { return cgroup_.forks_denied(); }

 private:
  Cgroup cgroup_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace cordon::prestart
