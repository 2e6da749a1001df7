// The age of the journal in seconds: how long it has existed, whatever becomes of the wall clock meanwhile. Within one
// boot it follows CLOCK_BOOTTIME (clock_gettime(2)); only over a reboot the wall clock is asked, and it never goes
// back: what was too late once (a grant, an approval) stays so. What is saved is a little behind what was told, and a
// power failure may take the latest of it; so over a reboot at least so much counts as passed, even if the clock denies
// it. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "supervisor/journal/job_rows.hpp"

namespace cordon {

struct ClockReading {
  std::string boot;  // /proc/sys/kernel/random/boot_id; empty: not known, and then every start is a new boot
  std::int64_t boottime_s = 0, wall_s = 0;
};
ClockReading read_clocks();

class JournalClock {
 public:
  static constexpr std::int64_t most_unsaved_s = 30;  // between what is told and what is saved
  // That, and what the kernel may not yet have brought to the disk (vm.dirty_expire_centisecs: 30 s), and twice that.
  static constexpr std::int64_t least_over_reboot_s = 120;

  JournalClock(const std::optional<ClockRow>& saved, const ClockReading& now)
      : boottime_s_(now.boottime_s),
        age_s_(saved ? saved->age_s + passed(*saved, now) : 0),
        same_boot_(saved && is_same_boot(*saved, now)) {}

  std::int64_t age(const ClockReading& now) const { return age_s_ + now.boottime_s - boottime_s_; }
  bool same_boot() const { return same_boot_; }  // as when it was saved

  // Before an age is told: whether what was saved last is too far behind it.
  bool must_be_saved(const ClockReading& now) const {
    return !saved_age_s_ || age(now) - *saved_age_s_ >= most_unsaved_s;
  }
  ClockRow row_to_save(const ClockReading& now) {
    saved_age_s_ = age(now);
    return {now.boot, now.boottime_s, now.wall_s, *saved_age_s_};
  }

 private:
  static bool is_same_boot(const ClockRow& saved, const ClockReading& now) {
    return !now.boot.empty() && saved.boot == now.boot;
  }
  static std::int64_t passed(const ClockRow& saved, const ClockReading& now) {
    if (is_same_boot(saved, now)) return std::max<std::int64_t>(now.boottime_s - saved.boottime_s, 0);
    return std::max(now.wall_s - saved.wall_s, least_over_reboot_s);
  }

  std::int64_t boottime_s_, age_s_;
  bool same_boot_;
  std::optional<std::int64_t> saved_age_s_;
};

}  // namespace cordon
