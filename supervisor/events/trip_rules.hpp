// When refusals are so many that operators must know, or that whoever causes them must be stopped. Counts the denials
// in the reports of finished jobs. Pure: the time comes in, what was reached goes out.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profiles/operations_config.hpp"

namespace cordon {

// At most `at.count` denials in any `at.window_seconds`, exact to a 32nd of that time.
class DenialWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit DenialWindow(DenialThreshold at) : at_(at) {}

  // True: the threshold is reached, and counting begins anew.
  bool add(std::uint64_t count, Time now);
  bool idle(Time now) const;  // nothing of it counts any more

 private:
  void forget(Time now);

  DenialThreshold at_;
  std::deque<std::pair<Time, std::uint64_t>> counted_;
  std::uint64_t total_ = 0;
};

struct Trip {
  TripScope scope = TripScope::actor;
  std::string name;  // of the actor or tool
  std::string control;
  DenialThreshold at;
  std::string reason;
};

class TripRules {
 public:
  using Time = DenialWindow::Time;

  // Those who have kept to a rule so far begin anew when it has changed.
  void configure(const OperationsConfig& config);

  struct Reached {
    bool burst = false;  // of denials of this control by this actor: operators are told
    std::vector<Trip> trips;
  };
  // `count` denials of `control` in a job of `actor`, called through `tool` (empty: through none).
  Reached add(const std::string& actor, const std::string& tool, const std::string& control, std::uint64_t count,
              Time now);

  const DenialThreshold& burst_threshold() const { return burst_; }
  std::size_t remembered() const { return windows_.size(); }

 private:
  // Which rule (0 is the burst), whose, of which control.
  struct Key {
    std::size_t rule = 0;
    std::string name, control;
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
  };
  bool reached(Key key, const DenialThreshold& at, std::uint64_t count, Time now);
  void forget_idle(Time now);

  DenialThreshold burst_;
  std::vector<TripRule> rules_;
  std::map<Key, DenialWindow> windows_;
};

}  // namespace cordon
