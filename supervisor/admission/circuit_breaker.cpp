#include "supervisor/admission/circuit_breaker.hpp"

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

constexpr std::ptrdiff_t most_remembered =
    64;  // circuits of one actor that are not open: whoever varies its jobs does not loop
constexpr std::chrono::seconds trial_wait{5};  // nobody knows how long a trial takes

const CircuitRule& rule_of(const BreakerRules& rules, TripKind kind) {
  switch (kind) {
    case TripKind::identical:
      return rules.identical;
    case TripKind::identical_failures:
      return rules.identical_failures;
    case TripKind::failures:
      break;
  }
  return rules.failures;
}

bool counts_against(TripKind kind, Verdict verdict) {
  if (kind == TripKind::identical_failures) return verdict == Verdict::failed || verdict == Verdict::crashed;
  return kind == TripKind::failures && verdict == Verdict::crashed;
}

}  // namespace

std::string_view to_string(TripKind kind) {
  switch (kind) {
    case TripKind::identical:
      return "identical";
    case TripKind::identical_failures:
      return "identical_failures";
    case TripKind::failures:
      break;
  }
  return "failures";
}

std::vector<CircuitBreaker::Key> CircuitBreaker::keys_of(const Claim& claim) {
  std::vector<Key> keys{{claim.actor, claim.tool, claim.profile, TripKind::failures, 0}};
  if (claim.body == 0) return keys;
  for (const auto kind : {TripKind::identical, TripKind::identical_failures}) {
    keys.push_back({claim.actor, claim.tool, claim.profile, kind, claim.body});
  }
  return keys;
}

CircuitBreaker::Tripped CircuitBreaker::describe(const Key& key, const Circuit& circuit, SteadyTime now) {
  const bool trial = !circuit.trial.empty();
  const auto rest = std::max(*circuit.open_until - now, std::chrono::nanoseconds(0));
  return {key.actor, key.tool, key.profile, key.kind, circuit.count, trial ? trial_wait : rest, trial};
}

std::optional<CircuitBreaker::Tripped> CircuitBreaker::refusing(const Claim& claim, SteadyTime now) const {
  std::optional<Tripped> worst;
  for (const auto& key : keys_of(claim)) {
    const auto at = circuits_.find(key);
    if (at == circuits_.end() || !at->second.open_until) continue;
    auto tripped = describe(key, at->second, now);
    if (tripped.wait == std::chrono::nanoseconds(0)) continue;  // half open, and nobody tries
    if (!worst || worst->wait < tripped.wait) worst = std::move(tripped);
  }
  return worst;
}

void CircuitBreaker::submitted(const std::string& id, const Claim& claim, const BreakerRules& rules, SteadyTime now) {
  for (const auto& key : keys_of(claim)) {
    const auto at = circuits_.find(key);
    if (at != circuits_.end() && at->second.open_until) {
      at->second.trial = id;
    } else if (key.kind == TripKind::identical) {
      count(key, rules, now);
    }
  }
}

void CircuitBreaker::ended(const std::string& id, const Claim& claim, Verdict verdict, const BreakerRules& rules,
                           SteadyTime now) {
  for (const auto& key : keys_of(claim)) {
    const auto at = circuits_.find(key);
    const bool is_open = at != circuits_.end() && at->second.open_until;
    if (is_open) {
      if (at->second.trial == id) judge_trial(key, verdict, rules, now);
    } else if (counts_against(key.kind, verdict)) {
      count(key, rules, now);
    } else if (verdict == Verdict::succeeded && key.kind != TripKind::identical && at != circuits_.end()) {
      circuits_.erase(at);
    }
  }
}

void CircuitBreaker::left(const std::string& id, const Claim& claim) {
  for (const auto& key : keys_of(claim)) {
    const auto at = circuits_.find(key);
    if (at != circuits_.end() && at->second.trial == id) at->second.trial.clear();
  }
}

void CircuitBreaker::judge_trial(const Key& key, Verdict verdict, const BreakerRules& rules, SteadyTime now) {
  auto& circuit = circuits_.at(key);
  circuit.trial.clear();
  if (counts_against(key.kind, verdict)) return trip(key, circuit, rules, now);
  const bool says_nothing = verdict == Verdict::neither && key.kind != TripKind::identical;
  if (!says_nothing) close(key);
}

void CircuitBreaker::count(const Key& key, const BreakerRules& rules, SteadyTime now) {
  const auto& rule = rule_of(rules, key.kind);
  if (rule.jobs == 0) return;
  auto& circuit = circuits_[key];
  if (circuit.count == 0 || now - circuit.since > rule.within) {
    circuit.count = 0;
    circuit.since = now;
  }
  if (++circuit.count >= rule.jobs) return trip(key, circuit, rules, now);
  if (circuit.count == 1) forget_old(key.actor);
}

void CircuitBreaker::trip(const Key& key, Circuit& circuit, const BreakerRules& rules, SteadyTime now) {
  circuit.open_until = now + rules.open;
  notice("circuit_opened", key, circuit.count);
}

void CircuitBreaker::close(const Key& key) {
  notice("circuit_closed", key, circuits_.at(key).count);
  circuits_.erase(key);
}

void CircuitBreaker::forget_old(const std::string& actor) {
  const auto first = circuits_.lower_bound(Key{actor, "", "", TripKind::identical, 0});
  auto oldest = circuits_.end();
  std::ptrdiff_t closed = 0;
  for (auto at = first; at != circuits_.end() && at->first.actor == actor; ++at) {
    if (at->second.open_until || at->first.body == 0) continue;
    ++closed;
    if (oldest == circuits_.end() || at->second.since < oldest->second.since) oldest = at;
  }
  if (closed > most_remembered) circuits_.erase(oldest);
}

std::vector<CircuitBreaker::Tripped> CircuitBreaker::open(SteadyTime now) const {
  std::vector<Tripped> out;
  for (const auto& [key, circuit] : circuits_) {
    if (circuit.open_until) out.push_back(describe(key, circuit, now));
  }
  return out;
}

std::size_t CircuitBreaker::reset(const std::string& actor) {
  std::size_t open = 0;
  for (const auto& [key, circuit] : circuits_) {
    if (key.actor != actor || !circuit.open_until) continue;
    ++open;
    notice("circuit_closed", key, circuit.count);
  }
  std::erase_if(circuits_, [&](const auto& entry) { return entry.first.actor == actor; });
  return open;
}

void CircuitBreaker::forget_rules_off(const BreakerRules& rules) {
  std::erase_if(circuits_, [&](const auto& entry) { return rule_of(rules, entry.first.kind).jobs == 0; });
}

void CircuitBreaker::notice(const char* event, const Key& key, std::uint32_t count) {
  const auto detail = std::string(to_string(key.kind)) + " " + std::to_string(count);
  notices_.push_back({event, key.actor, key.tool, key.profile, detail});
}

}  // namespace cordon
