// Who may submit, and who runs next: a bounded queue, first in first out, before a bounded number of sandboxes.
// Pure: time comes in, ids go out.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "supervisor/http/problem.hpp"

namespace cordon {

struct AdmissionLimits {
  std::size_t max_running = 0;  // sandboxes at once
  std::size_t max_queued = 0;
};

// On whose account a job is, and what of.
struct Claim {
  std::string actor, tenant, tool, profile;
  std::uint64_t input_bytes = 0;  // held in memory while it waits
};

class Admission {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Admission(AdmissionLimits limits) : limits_(limits) {}
  void set_limits(AdmissionLimits limits) { limits_ = limits; }

  // Would this be taken? Asked before there is a job.
  tl::expected<void, Rejection> may_enter(const Claim& claim, Time now) const;
  void enter(const std::string& id, Claim claim);

  // Who is to start now, and counts as running from here on; nullopt: nobody.
  std::optional<std::string> next(Time now);
  bool leave(const std::string& id);  // without having run; false: it does not wait
  void ended(const std::string& id);  // one that was running

  std::optional<std::size_t> position(const std::string& id) const;  // 1 is next; nullopt: not waiting
  std::size_t waiting() const { return queue_.size(); }
  std::size_t running() const { return running_.size(); }

 private:
  struct Waiting {
    std::string id;
    Claim claim;
  };
  std::deque<Waiting>::const_iterator find(const std::string& id) const;

  AdmissionLimits limits_;
  std::deque<Waiting> queue_;
  std::uint64_t queued_bytes_ = 0;
  std::map<std::string, Claim> running_;
};

}  // namespace cordon
