// Who may submit, and who runs next: a bounded queue, fair between tenants and between the actors of each, before a
// bounded number of sandboxes; with the limits of tenants, actors, tools and profiles, their budgets, the circuit
// breaker, and a reserve for the host. Pure: time comes in, ids go out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/admission_rules.hpp"
#include "supervisor/admission/budgets.hpp"
#include "supervisor/admission/circuit_breaker.hpp"
#include "supervisor/admission/claim.hpp"
#include "supervisor/admission/fair_queue.hpp"
#include "supervisor/admission/host_reserve.hpp"
#include "supervisor/admission/notice.hpp"
#include "supervisor/admission/token_bucket.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

struct AdmissionLimits {
  std::size_t max_running = 0;  // sandboxes at once
  std::size_t max_queued = 0;
  AdmissionRules rules = {};
};

// One limit that a caller comes under, and how things stand.
struct Standing {
  LimitScope scope;
  std::string limit;
  double value = 0;
  std::optional<double> used;
  std::optional<std::chrono::seconds> resets_in;
};

class Admission {
 public:
  using Time = SteadyTime;

  explicit Admission(AdmissionLimits limits) : limits_(std::move(limits)) {}
  void set_limits(AdmissionLimits limits);

  // Takes a job, or says why not. From here on it has its place in the queue and is charged for, but it cannot be next
  // before it has entered: what must be written down first is written between the two. `leave` gives the place back.
  tl::expected<void, Rejection> admit(const std::string& id, Claim claim, Time now);
  void enter(const std::string& id, Time now);
  // It has its place, and may wait long before it enters: it takes no sandbox from anybody meanwhile.
  void hold(const std::string& id);
  // One that waited before a restart: it was asked and charged then.
  void readmit(const std::string& id, Claim claim, Time now);
  void readmit_held(const std::string& id, Claim claim);

  // Who is to start now, and counts as running from here on; nullopt: nobody.
  std::optional<std::string> next(Time now);
  bool leave(const std::string& id);  // without having run; false: it does not wait
  void ended(const std::string& id, const Spend& spent, Verdict verdict, Time now);  // one that was running

  // Looked at before `next`. When to do both again, though nothing happens meanwhile; nullopt: no need.
  void see(HostRoom room) { room_ = room; }
  std::optional<Time> look_again_at(Time now) const;

  std::optional<std::size_t> position(const std::string& id) const;  // 1 is next; nullopt: not waiting
  std::size_t waiting() const { return queue_.size(); }
  std::size_t running() const { return running_.size(); }
  std::size_t held() const { return held_.size(); }
  const std::string& held_by() const { return held_by_; }  // launcher, memory, pids; empty: nothing
  std::vector<Standing> standing(const Claim& claim, Time now) const;

  Budgets& budgets() { return budgets_; }
  CircuitBreaker& breaker() { return breaker_; }
  const CircuitBreaker& breaker() const { return breaker_; }
  std::vector<Notice> take_notices();  // since the last call

 private:
  struct Count {
    std::size_t queued = 0, running = 0;  // queued: those too that have not entered yet
    std::uint64_t input_bytes = 0;
  };
  struct Refused {
    Rejection rejection;
    std::chrono::nanoseconds wait;
  };
  using Refusals = std::vector<Refused>;

  const Allowance& allowance(const LimitScope& scope) const;
  Budgets::Scopes ruled(const Claim& claim) const;
  Count count(const LimitScope& scope) const;
  void refuse_by_rate(const Claim& claim, Time now, Refusals& into) const;
  void refuse_by_queue(const Claim& claim, Time now, Refusals& into) const;
  bool refuse_full(const Claim& claim, Refusals& into) const;
  void refuse_by_share(const Claim& claim, Refusals& into) const;
  bool starts_at_once(const Claim& claim, Time now) const;
  bool may_start(const Claim& claim, Time now) const;
  bool host_has_room(Time now);
  std::size_t queued() const { return queue_.size() + admitted_.size() + held_.size(); }
  std::chrono::nanoseconds until_a_place_is_free() const;
  void count_in(const Claim& claim);
  void count_out(const Claim& claim);
  void forget_full_buckets(Time now);

  AdmissionLimits limits_;
  FairQueue queue_;
  std::map<std::string, Claim> admitted_, held_, running_;
  std::map<LimitScope, Count> counts_;
  std::uint64_t input_bytes_ = 0;  // of all that are queued
  std::map<LimitScope, TokenBucket> buckets_;
  Budgets budgets_;
  CircuitBreaker breaker_;
  HostRoom room_;
  std::string held_by_;
  std::optional<Time> last_start_;
  double seconds_between_starts_ = 0;  // lately
  std::vector<Notice> notices_;
};

}  // namespace cordon
