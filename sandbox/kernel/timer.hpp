// A deadline on CLOCK_BOOTTIME that a poll can wait for (timerfd_create(2)): host clock steps and suspends change
// nothing.
#pragma once

#include <sys/timerfd.h>

#include <chrono>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

class Timer {
 public:
  Timer() : fd_(check(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), "make a timer")) {}

  // Readable once `delay` from now; at least a nanosecond, since zero would disarm it.
  void arm(std::chrono::nanoseconds delay) {
    const auto ns = std::max<std::chrono::nanoseconds::rep>(delay.count(), 1);
    itimerspec when{};
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
    check(::timerfd_settime(fd_.get(), 0, &when, nullptr), "arm a timer");
  }
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

inline std::chrono::nanoseconds boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace cordon
