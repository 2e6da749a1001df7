// How long each phase of a launch took.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cordon {

class Timings {
 public:
  void mark(const char* phase) {
    const auto now = std::chrono::steady_clock::now();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count();
    list_.emplace_back(phase, static_cast<std::uint64_t>(us));
    last_ = now;
  }
  const std::vector<std::pair<std::string, std::uint64_t>>& list() const { return list_; }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::vector<std::pair<std::string, std::uint64_t>> list_;
};

}  // namespace cordon
