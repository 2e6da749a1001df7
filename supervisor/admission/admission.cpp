#include "supervisor/admission/admission.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "supervisor/admission/refusals.hpp"

namespace cordon {

// The first half: who may submit. The second is in next.cpp.
namespace {

constexpr std::uint64_t max_queued_bytes = std::uint64_t{512} << 20;  // of clients' input, held in memory

// One tenant may have so many times what is still free, by weight, and one actor of what its tenant may still have: a
// flood stops itself before the queue is full, and whoever comes later finds room (dynamic thresholds; Choudhury and
// Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). Alone, it fills four fifths.
constexpr double share_of_free = 4;

const Allowance& find(const Allowances& all, const std::string& name) {
  static const Allowance unlimited;
  auto at = all.find(name);
  if (at == all.end()) at = all.find("*");
  return at == all.end() ? unlimited : at->second;
}

}  // namespace

void Admission::set_limits(AdmissionLimits limits) {
  std::map<LimitScope, std::optional<Rate>> before;
  for (const auto& [scope, bucket] : buckets_) before[scope] = allowance(scope).rate;
  limits_ = std::move(limits);
  // What is left of another rate says nothing about this one.
  std::erase_if(buckets_, [&](const auto& entry) { return before[entry.first] != allowance(entry.first).rate; });
  breaker_.forget_rules_off(limits_.rules.breaker);
  queue_.reweigh([&](const std::string& tenant) { return allowance({ScopeKind::tenant, tenant}).weight; });
}

const Allowance& Admission::allowance(const LimitScope& scope) const {
  const auto& rules = limits_.rules;
  switch (scope.kind) {
    case ScopeKind::tenant:
      return find(rules.tenants, scope.name);
    case ScopeKind::actor:
      return find(rules.actors, scope.name);
    case ScopeKind::tool:
      return find(rules.tools, scope.name);
    case ScopeKind::profile:
      break;
  }
  return find(rules.profiles, scope.name);
}

Budgets::Scopes Admission::ruled(const Claim& claim) const {
  Budgets::Scopes out;
  for (auto& scope : scopes_of(claim)) {
    const auto& rules = allowance(scope).budgets;
    out.push_back({std::move(scope), &rules});
  }
  return out;
}

Admission::Count Admission::count(const LimitScope& scope) const {
  const auto at = counts_.find(scope);
  return at == counts_.end() ? Count{} : at->second;
}

tl::expected<void, Rejection> Admission::admit(const std::string& id, Claim claim, Time now) {
  if (claim.tenant.empty()) return tl::unexpected(unknown_actor(claim.actor));
  Refusals refusals;
  if (auto tripped = breaker_.refusing(claim, now)) refusals.push_back({circuit_open(*tripped), tripped->wait});
  if (auto used_up = budgets_.exhausted(ruled(claim), now)) {
    refusals.push_back({budget_exhausted(*used_up), used_up->remaining});
  }
  refuse_by_rate(claim, now, refusals);
  refuse_by_queue(claim, now, refusals);
  const auto longest = std::max_element(refusals.begin(), refusals.end(),
                                        [](const Refused& a, const Refused& b) { return a.wait < b.wait; });
  if (longest != refusals.end()) return tl::unexpected(std::move(longest->rejection));

  for (const auto& scope : scopes_of(claim)) {
    if (const auto& rate = allowance(scope).rate) buckets_[scope].take(*rate, now);
  }
  budgets_.charge_job(ruled(claim), now);
  breaker_.submitted(id, claim, limits_.rules.breaker, now);
  count_in(claim);
  admitted_.emplace(id, std::move(claim));
  forget_full_buckets(now);
  return {};
}

void Admission::refuse_by_rate(const Claim& claim, Time now, Refusals& into) const {
  for (const auto& scope : scopes_of(claim)) {
    const auto& rate = allowance(scope).rate;
    const auto bucket = buckets_.find(scope);
    if (!rate || bucket == buckets_.end()) continue;
    const auto wait = bucket->second.wait(*rate, now);
    if (wait > std::chrono::nanoseconds(0)) into.push_back({rate_limited(scope, *rate, wait), wait});
  }
}

// A job that starts at once needs no place in the queue.
void Admission::refuse_by_queue(const Claim& claim, Time now, Refusals& into) const {
  if (starts_at_once(claim, now)) return;
  const auto wait = until_a_place_is_free();
  for (const auto& scope : scopes_of(claim)) {
    const auto& most = allowance(scope).max_queued;
    if (most && count(scope).queued >= *most) into.push_back({too_many_queued(scope, "max_queued", *most, wait), wait});
  }
  if (!refuse_full(claim, into)) refuse_by_share(claim, into);
}

bool Admission::refuse_full(const Claim& claim, Refusals& into) const {
  const auto wait = until_a_place_is_free();
  if (queued() >= limits_.max_queued) {
    into.push_back({queue_full("max_queued", static_cast<double>(limits_.max_queued), wait), wait});
  } else if (input_bytes_ + claim.input_bytes > max_queued_bytes) {
    into.push_back({queue_full("queued_bytes", static_cast<double>(max_queued_bytes), wait), wait});
  } else {
    return false;
  }
  return true;
}

void Admission::refuse_by_share(const Claim& claim, Refusals& into) const {
  const auto wait = until_a_place_is_free();
  const LimitScope tenant{ScopeKind::tenant, claim.tenant}, actor{ScopeKind::actor, claim.actor};
  const auto refuse = [&](const LimitScope& scope, const char* limit, double share) {
    into.push_back({too_many_queued(scope, limit, share, wait), wait});
  };
  auto share = static_cast<double>(limits_.max_queued - queued());
  auto bytes = static_cast<double>(max_queued_bytes - input_bytes_);
  const auto input = static_cast<double>(claim.input_bytes);
  double weight = allowance(tenant).weight;
  for (const auto& scope : {tenant, actor}) {
    const auto has = count(scope);
    const auto most = share * share_of_free * weight, most_bytes = bytes * share_of_free * weight;
    const auto jobs_left = most - static_cast<double>(has.queued);
    const auto bytes_left = most_bytes - static_cast<double>(has.input_bytes);
    if (jobs_left <= 0) return refuse(scope, "queue_share", most);
    if (input > 0 && bytes_left < input) return refuse(scope, "queue_share_bytes", most_bytes);
    share = std::min(share, std::max(jobs_left, 1.0));
    bytes = std::min(bytes, std::max(bytes_left, input));
    weight = 1;
  }
}

bool Admission::starts_at_once(const Claim& claim, Time now) const {
  if (running_.size() + admitted_.size() >= limits_.max_running || !held_by_.empty()) return false;
  std::string what;
  if (pressure_of(room_, limits_.rules.reserve, what) != Pressure::none) return false;  // slowly, if at all
  // While there is room for more, only those wait that limits of their own keep back.
  for (const auto& scope : scopes_of(claim)) {
    const auto has = count(scope);
    const auto& most = allowance(scope).max_running;
    if (most && has.running + has.queued >= *most) return false;
  }
  return may_start(claim, now);
}

// From how fast the queue moved lately.
std::chrono::nanoseconds Admission::until_a_place_is_free() const {
  const std::chrono::duration<double> pause(std::clamp(seconds_between_starts_, 0.001, 60.0));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(pause);
}

void Admission::count_in(const Claim& claim) {
  input_bytes_ += claim.input_bytes;
  for (const auto& scope : scopes_of(claim)) {
    auto& count = counts_[scope];
    ++count.queued;
    count.input_bytes += claim.input_bytes;
  }
}

void Admission::count_out(const Claim& claim) {
  input_bytes_ -= claim.input_bytes;
  for (const auto& scope : scopes_of(claim)) {
    auto& count = counts_[scope];
    --count.queued;
    count.input_bytes -= claim.input_bytes;
    if (count.queued + count.running == 0) counts_.erase(scope);
  }
}

// A full bucket is like one that never was.
void Admission::forget_full_buckets(Time now) {
  constexpr std::size_t enough = 1024;
  if (buckets_.size() < enough) return;
  std::erase_if(buckets_, [&](const auto& entry) { return entry.second.is_full(now); });
}

}  // namespace cordon
