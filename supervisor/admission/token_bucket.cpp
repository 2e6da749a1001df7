#include "supervisor/admission/token_bucket.hpp"

#include <algorithm>

namespace cordon {
namespace {

using std::chrono::nanoseconds;

nanoseconds per_job(const Rate& rate) {
  return nanoseconds(1'000'000'000'000 / static_cast<std::int64_t>(std::max<std::uint64_t>(rate.milli_per_second, 1)));
}

// How far ahead of the clock a bucket that is empty but for one job is: at most 31 years (0.001 a second, a million).
nanoseconds tolerance(const Rate& rate) {
  return per_job(rate) * static_cast<std::int64_t>(std::max<std::uint64_t>(rate.burst, 1) - 1);
}

}  // namespace

nanoseconds TokenBucket::wait(const Rate& rate, SteadyTime now) const {
  if (full_at_ <= now) return nanoseconds(0);
  return std::max(full_at_ - now - tolerance(rate), nanoseconds(0));
}

void TokenBucket::take(const Rate& rate, SteadyTime now) {
  const auto from = std::max(full_at_, now);
  full_at_ = from > SteadyTime::max() - per_job(rate) ? SteadyTime::max() : from + per_job(rate);
}

}  // namespace cordon
