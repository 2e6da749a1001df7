// How often something took how long. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace cordon {

class Histogram {
 public:
  // Seconds. From a warm launch to a long job, some three steps a decade.
  static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                     0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0, 300.0};

  void observe(std::chrono::duration<double> time) {
    const auto seconds = std::max(time.count(), 0.0);
    const auto at = std::lower_bound(bounds.begin(), bounds.end(), seconds);  // an upper bound is inclusive
    ++counts_[static_cast<std::size_t>(at - bounds.begin())];
    sum_ += seconds;
  }

  const std::array<std::uint64_t, bounds.size() + 1>& counts() const {
    return counts_;
  }  // each bucket's own; last: above
  double sum() const { return sum_; }

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  double sum_ = 0;
};

}  // namespace cordon
