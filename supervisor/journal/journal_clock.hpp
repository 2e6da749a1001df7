// The age of the journal in seconds: how long it has existed, whatever becomes of the wall clock meanwhile. Within one
// boot it follows CLOCK_BOOTTIME (clock_gettime(2)); only over a reboot the wall clock is asked, and never backwards.
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "supervisor/journal/job_rows.hpp"

namespace cordon {

struct ClockReading {
  std::string boot;  // /proc/sys/kernel/random/boot_id
  std::int64_t boottime_s = 0, wall_s = 0;
};
ClockReading read_clocks();

class JournalClock {
 public:
  JournalClock(const std::optional<ClockRow>& saved, const ClockReading& now)
      : boottime_s_(now.boottime_s),
        age_s_(saved ? saved->age_s + passed(*saved, now) : 0),
        same_boot_(saved && saved->boot == now.boot) {}

  std::int64_t age(const ClockReading& now) const { return age_s_ + now.boottime_s - boottime_s_; }
  bool same_boot() const { return same_boot_; }  // as when it was saved
  ClockRow row(const ClockReading& now) const { return {now.boot, now.boottime_s, now.wall_s, age(now)}; }

 private:
  static std::int64_t passed(const ClockRow& saved, const ClockReading& now) {
    const auto by = saved.boot == now.boot ? now.boottime_s - saved.boottime_s : now.wall_s - saved.wall_s;
    return std::max<std::int64_t>(by, 0);
  }

  std::int64_t boottime_s_, age_s_;
  bool same_boot_;
};

}  // namespace cordon
