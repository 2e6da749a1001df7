// The host ids of jobs: handed out in turn, given back when nothing of the job is left, never while it may be. Pure.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "sandbox/launcher/plan.hpp"

namespace cordon {

class Leases {
 public:
  // Two ids a lease, from `first` on.
  Leases(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = 0; i + 1 < count; i += 2) free_.push_back({first + i, first + i + 1});
  }
  std::optional<Lease> take() {
    if (free_.empty()) return std::nullopt;
    const auto lease = free_.front();
    free_.pop_front();
    return lease;
  }
  void give_back(Lease lease) { free_.push_back(lease); }  // to the end: an id rests as long as possible
  // The one whose jobs' cgroup has this name.
  void withhold(const std::string& cgroup) {
    std::erase_if(free_, [&](const Lease& lease) { return lease.cgroup_name() == cgroup; });
  }
  std::size_t free() const { return free_.size(); }

 private:
  std::deque<Lease> free_;
};

}  // namespace cordon
