// What a job may still use: exact counts, and rates as token buckets. Pure: the caller says what time it is.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "netfilter/egress_job.hpp"
#include "profiles/flow_record.hpp"

namespace cordon::egress {

using Clock = std::chrono::steady_clock;

// `rate` a second, and at most one second's worth saved up.
class TokenBucket {
 public:
  TokenBucket(std::uint64_t rate, Clock::time_point now);
  bool take_one(Clock::time_point now) { return take(1, now) == 1; }
  std::uint64_t available(Clock::time_point now);
  std::uint64_t take(std::uint64_t most, Clock::time_point now);
  Clock::duration until(std::uint64_t wanted, Clock::time_point now);  // these are available, 0 if now

 private:
  void fill(Clock::time_point now);

  std::uint64_t rate_, tokens_;
  Clock::time_point filled_;
};

enum class Direction : std::uint8_t { up, down };  // to the far side, to the tool

// Of a grant within a job, and of the job as a whole.
class Budget {
 public:
  Budget(std::uint32_t connections, std::uint32_t per_second, std::uint64_t up, std::uint64_t down,
         std::uint64_t bytes_per_second, Clock::time_point now);
  static Budget of(const EgressBudget& budget, Clock::time_point now);
  static Budget of(const EgressLimits& limits, Clock::time_point now);

  // One attempt, whatever becomes of it: none, or too_many_connections_per_second.
  FlowReason attempt(Clock::time_point now);
  FlowReason open();  // none, or too_many_connections. One more is live then
  void close() { --live_; }
  std::uint32_t live() const { return live_; }

  std::uint64_t left(Direction direction) const { return direction == Direction::up ? up_ : down_; }
  TokenBucket& rate() { return bytes_; }
  void spend(Direction direction, std::uint64_t bytes) { (direction == Direction::up ? up_ : down_) -= bytes; }
  void give_back_up(std::uint64_t bytes) { up_ += bytes; }

 private:
  std::uint32_t live_ = 0, most_live_;
  TokenBucket attempts_;
  std::uint64_t up_, down_;
  TokenBucket bytes_;
};

inline FlowReason spent(Direction direction) {
  return direction == Direction::up ? FlowReason::bytes_up_spent : FlowReason::bytes_down_spent;
}

}  // namespace cordon::egress
