#include "netfilter/policy/budget.hpp"

#include <limits>

namespace cordon::egress {

namespace {

using std::chrono::nanoseconds;
constexpr std::uint64_t second = 1'000'000'000;

// a * b / c without overflow, for c != 0 and a result that fits.
std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{a} * b / c);
}

}  // namespace

TokenBucket::TokenBucket(std::uint64_t rate, Clock::time_point now) : rate_(rate), tokens_(rate), filled_(now) {}

void TokenBucket::fill(Clock::time_point now) {
  if (now <= filled_) return;
  const auto passed = static_cast<std::uint64_t>(nanoseconds(now - filled_).count());
  if (passed >= second) {
    tokens_ = rate_;
    filled_ = now;
    return;
  }
  const auto fresh = scaled(passed, rate_, second);
  tokens_ = std::min(rate_, tokens_ + fresh);
  // What does not make a whole token yet stays in the clock.
  filled_ += nanoseconds(scaled(fresh, second, rate_));
}

std::uint64_t TokenBucket::available(Clock::time_point now) {
  fill(now);
  return tokens_;
}

std::uint64_t TokenBucket::take(std::uint64_t most, Clock::time_point now) {
  fill(now);
  const auto taken = std::min(most, tokens_);
  tokens_ -= taken;
  return taken;
}

Clock::duration TokenBucket::until(std::uint64_t wanted, Clock::time_point now) {
  const auto have = available(now);
  const auto aim = std::min(wanted, rate_);
  if (have >= aim) return Clock::duration::zero();
  return nanoseconds(scaled(aim - have, second, rate_) + 1);
}

Budget::Budget(std::uint32_t connections, std::uint32_t per_second, std::uint64_t up, std::uint64_t down,
               std::uint64_t bytes_per_second, Clock::time_point now)
    : most_live_(connections), attempts_(per_second, now), up_(up), down_(down), bytes_(bytes_per_second, now) {}

Budget Budget::of(const EgressBudget& b, Clock::time_point now) {
  return {b.max_connections, b.connections_per_second, b.max_bytes_up, b.max_bytes_down, b.bytes_per_second, now};
}

Budget Budget::of(const EgressLimits& l, Clock::time_point now) {
  return {l.max_connections, l.connections_per_second, l.max_bytes_up, l.max_bytes_down, max_egress_bytes, now};
}

FlowReason Budget::attempt(Clock::time_point now) {
  return attempts_.take_one(now) ? FlowReason::none : FlowReason::too_many_connections_per_second;
}

FlowReason Budget::open() {
  if (live_ == most_live_) return FlowReason::too_many_connections;
  ++live_;
  return FlowReason::none;
}

}  // namespace cordon::egress
