#include "supervisor/admission/budgets.hpp"

#include <algorithm>

namespace cordon {
namespace {

std::uint64_t amount_of(const Spend& spend, Resource resource) {
  switch (resource) {
    case Resource::cpu:
      return spend.cpu_us;
    case Resource::output:
      return spend.output_bytes;
    case Resource::artifacts:
      return spend.artifact_bytes;
    case Resource::jobs:
      break;
  }
  return 0;  // counted when it is submitted
}

}  // namespace

std::uint64_t Budgets::used(const Key& key, SteadyTime now) const {
  const auto at = used_.find(key);
  return at == used_.end() || at->second.ends <= now ? 0 : at->second.amount;
}

std::vector<BudgetState> Budgets::states(const Scopes& scopes, SteadyTime now) const {
  std::vector<BudgetState> out;
  for (const auto& [scope, rules] : scopes) {
    for (const auto& rule : *rules) {
      const Key key{scope, rule.resource, rule.window};
      const auto amount = used(key, now);
      const std::chrono::nanoseconds all = field_of(rule.window).length;
      out.push_back({scope, rule, amount, amount == 0 ? all : used_.at(key).ends - now});
    }
  }
  return out;
}

std::optional<BudgetState> Budgets::exhausted(const Scopes& scopes, SteadyTime now) const {
  std::optional<BudgetState> worst;
  for (auto& state : states(scopes, now)) {
    if (state.used < state.rule.limit || (worst && worst->remaining >= state.remaining)) continue;
    worst = std::move(state);
  }
  return worst;
}

void Budgets::charge(const Scopes& scopes, Resource resource, std::uint64_t amount, SteadyTime now) {
  if (amount == 0) return;
  for (const auto& [scope, rules] : scopes) {
    for (const auto& rule : *rules) {
      if (rule.resource != resource) continue;
      const Key key{scope, resource, rule.window};
      auto& entry = used_[key];
      if (entry.amount == 0 || entry.ends <= now) entry = {0, now + field_of(rule.window).length};
      entry.amount += amount;
      changed_.insert(key);
    }
  }
}

void Budgets::charge_job(const Scopes& scopes, SteadyTime now) {
  charge(scopes, Resource::jobs, 1, now);
}

bool Budgets::may_start(const Scopes& scopes, SteadyTime now) const {
  for (const auto& [scope, rules] : scopes) {
    const auto running = reserved_.find(scope);
    for (const auto& rule : *rules) {
      if (rule.resource == Resource::jobs) continue;
      const auto reserved = running == reserved_.end() ? 0 : amount_of(running->second.at_most, rule.resource);
      if (used({scope, rule.resource, rule.window}, now) + reserved >= rule.limit) return false;
    }
  }
  return true;
}

void Budgets::start(const Scopes& scopes, const Spend& at_most) {
  for (const auto& [scope, rules] : scopes) {
    auto& reserved = reserved_[scope];
    reserved.jobs += 1;
    reserved.at_most.cpu_us += at_most.cpu_us;
    reserved.at_most.output_bytes += at_most.output_bytes;
    reserved.at_most.artifact_bytes += at_most.artifact_bytes;
  }
}

void Budgets::end(const Scopes& scopes, const Spend& at_most, const Spend& spent, SteadyTime now) {
  for (const auto& [scope, rules] : scopes) {
    auto& reserved = reserved_[scope];
    reserved.at_most.cpu_us -= at_most.cpu_us;
    reserved.at_most.output_bytes -= at_most.output_bytes;
    reserved.at_most.artifact_bytes -= at_most.artifact_bytes;
    if (--reserved.jobs == 0) reserved_.erase(scope);
  }
  for (const auto resource : {Resource::cpu, Resource::output, Resource::artifacts}) {
    charge(scopes, resource, amount_of(spent, resource), now);
  }
  drop_ended(now);
}

// Actors come and go; what they once used must not stay for ever.
void Budgets::drop_ended(SteadyTime now) {
  std::erase_if(used_, [&](const auto& entry) {
    if (entry.second.ends > now) return false;
    changed_.insert(entry.first);
    return true;
  });
}

std::optional<SteadyTime> Budgets::next_end(SteadyTime now) const {
  std::optional<SteadyTime> first;
  for (const auto& [key, entry] : used_) {
    if (entry.ends > now) first = std::min(first.value_or(entry.ends), entry.ends);
  }
  return first;
}

BudgetRow Budgets::row_of(const Key& key, SteadyTime now) const {
  const auto amount = used(key, now);
  const auto rest = amount == 0 ? std::chrono::nanoseconds(0) : used_.at(key).ends - now;
  return {key.scope.kind, key.scope.name, key.resource,
          key.window,     amount,         std::chrono::ceil<std::chrono::milliseconds>(rest)};
}

std::vector<BudgetRow> Budgets::rows(SteadyTime now) const {
  std::vector<BudgetRow> out;
  for (const auto& [key, entry] : used_) {
    if (entry.ends > now) out.push_back(row_of(key, now));
  }
  return out;
}

std::vector<BudgetRow> Budgets::changed_rows(SteadyTime now) {
  std::vector<BudgetRow> out;
  for (const auto& key : changed_) out.push_back(row_of(key, now));
  changed_.clear();
  return out;
}

void Budgets::restore(const BudgetRow& row, std::chrono::milliseconds since_saved, SteadyTime now) {
  const std::chrono::milliseconds whole = field_of(row.window).length;
  const auto passed = std::max(since_saved, std::chrono::milliseconds(0));
  const auto rest = std::min(row.remaining, whole) - passed;
  if (row.used == 0 || rest <= std::chrono::milliseconds(0)) return;
  used_.insert_or_assign(Key{{row.kind, row.name}, row.resource, row.window}, Used{row.used, now + rest});
}

}  // namespace cordon
