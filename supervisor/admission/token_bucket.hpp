// So many jobs a second on average, so many at once: the generic cell rate algorithm (ITU-T I.371, "virtual
// scheduling"), which is a token bucket kept as one point in time. Exact, whatever the pauses. Pure.
#pragma once

#include "profiles/admission_rules.hpp"
#include "supervisor/admission/claim.hpp"

namespace cordon {

class TokenBucket {
 public:
  // How long until the next job may be taken; zero: it may now.
  std::chrono::nanoseconds wait(const Rate& rate, SteadyTime now) const;
  void take(const Rate& rate, SteadyTime now);
  bool is_full(SteadyTime now) const { return full_at_ <= now; }  // it need not be remembered

 private:
  SteadyTime full_at_ = SteadyTime::min();
};

}  // namespace cordon
