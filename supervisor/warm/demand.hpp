// How many are asked for at once, lately: the most within one short window, forgotten by half-lives. Pure.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>

#include "supervisor/admission/claim.hpp"

namespace cordon {

class Demand {
 public:
  static constexpr std::chrono::milliseconds window{100};  // within it, refilling is no help to who is already there
  static constexpr std::chrono::seconds half_life{30};

  void add(SteadyTime now) {
    if (count_ == 0 || now - window_began_ >= window) {
      window_began_ = now;
      count_ = 0;
    }
    ++count_;
    if (count_ <= exact_level(now)) return;
    level_ = count_;
    level_at_ = now;
  }

  std::size_t level(SteadyTime now) const { return static_cast<std::size_t>(std::lround(exact_level(now))); }

 private:
  double exact_level(SteadyTime now) const {
    const std::chrono::duration<double> past = now - level_at_;
    return level_ * std::exp2(-past / half_life);
  }

  SteadyTime window_began_{}, level_at_{};
  double count_ = 0, level_ = 0;
};

}  // namespace cordon
