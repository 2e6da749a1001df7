// The second half of admission: who is next.
#include <algorithm>
#include <utility>

#include "supervisor/admission/admission.hpp"
#include "supervisor/admission/refusals.hpp"

namespace cordon {

void Admission::hold(const std::string& id) {
  auto place = admitted_.extract(id);
  if (!place.empty()) held_.insert(std::move(place));
}

void Admission::enter(const std::string& id, Time now) {
  auto place = admitted_.extract(id);
  if (place.empty()) place = held_.extract(id);
  if (place.empty()) return;
  auto& claim = place.mapped();
  const double weight = allowance({ScopeKind::tenant, claim.tenant}).weight;
  queue_.push(id, std::move(claim), weight, now);
}

void Admission::readmit(const std::string& id, Claim claim, Time now) {
  count_in(claim);
  admitted_.emplace(id, std::move(claim));
  enter(id, now);
}

void Admission::readmit_held(const std::string& id, Claim claim) {
  count_in(claim);
  held_.emplace(id, std::move(claim));
}

bool Admission::may_start(const Claim& claim, Time now) const {
  for (const auto& scope : scopes_of(claim)) {
    const auto& most = allowance(scope).max_running;
    if (most && count(scope).running >= *most) return false;
  }
  return budgets_.may_start(ruled(claim), now);
}

bool Admission::host_has_room(Time now) {
  std::string what;
  const auto pressure = pressure_of(room_, limits_.rules.reserve, what);
  if (pressure != Pressure::much) {
    if (!held_by_.empty()) notices_.push_back({"admission_resumed", {}, {}, {}, std::exchange(held_by_, "")});
    return pressure == Pressure::none || !last_start_ || now - *last_start_ >= slow_pace;
  }
  if (held_by_.empty()) notices_.push_back({"admission_held", {}, {}, {}, what});
  held_by_ = what;
  return false;
}

std::optional<std::string> Admission::next(Time now) {
  const bool has_room = host_has_room(now);
  if (queue_.size() == 0 || running_.size() >= limits_.max_running || !has_room) return std::nullopt;
  auto first = queue_.pop([&](const Claim& claim) { return may_start(claim, now); }, now);
  if (!first) return std::nullopt;
  if (last_start_) {
    const std::chrono::duration<double> pause = now - *last_start_;
    seconds_between_starts_ += 0.2 * (pause.count() - seconds_between_starts_);
  }
  last_start_ = now;
  const auto& claim = first->claim;
  for (const auto& scope : scopes_of(claim)) ++counts_[scope].running;
  count_out(claim);
  budgets_.start(ruled(claim), claim.at_most);
  running_.emplace(first->id, std::move(first->claim));
  return std::move(first->id);
}

bool Admission::leave(const std::string& id) {
  auto place = admitted_.extract(id);
  if (place.empty()) place = held_.extract(id);
  auto claim = place.empty() ? queue_.remove(id) : std::optional(std::move(place.mapped()));
  if (!claim) return false;
  count_out(*claim);
  breaker_.left(id, *claim);
  return true;
}

void Admission::ended(const std::string& id, const Spend& spent, Verdict verdict, Time now) {
  const auto ran = running_.extract(id);
  if (ran.empty()) return;
  const auto& claim = ran.mapped();
  queue_.ended(claim, now);
  for (const auto& scope : scopes_of(claim)) {
    auto& count = counts_[scope];
    if (--count.running + count.queued == 0) counts_.erase(scope);
  }
  budgets_.end(ruled(claim), claim.at_most, spent, now);
  breaker_.ended(id, claim, verdict, limits_.rules.breaker, now);
}

std::optional<Admission::Time> Admission::look_again_at(Time now) const {
  if (queue_.size() == 0 || running_.size() >= limits_.max_running) return std::nullopt;
  std::string what;
  if (pressure_of(room_, limits_.rules.reserve, what) != Pressure::none) return now + slow_pace;
  return budgets_.next_end(now);  // what waits, waits for others to end, or for a budget
}

std::optional<std::size_t> Admission::position(const std::string& id) const {
  if (const auto position = queue_.position(id)) return position;
  if (!admitted_.contains(id)) return std::nullopt;
  return queued();
}

std::vector<Standing> Admission::standing(const Claim& claim, Time now) const {
  std::vector<Standing> out;
  for (const auto& scope : scopes_of(claim)) {
    const auto& allowed = allowance(scope);
    const auto has = count(scope);
    if (scope.kind == ScopeKind::tenant) out.push_back({scope, "weight", static_cast<double>(allowed.weight), {}, {}});
    if (const auto most = allowed.max_running)
      out.push_back({scope, "max_running", static_cast<double>(*most), static_cast<double>(has.running), {}});
    if (const auto most = allowed.max_queued)
      out.push_back({scope, "max_queued", static_cast<double>(*most), static_cast<double>(has.queued), {}});
    if (const auto& rate = allowed.rate)
      out.push_back({scope, "rate", static_cast<double>(rate->milli_per_second) / 1000, {}, {}});
  }
  for (const auto& budget : budgets_.states(ruled(claim), now)) {
    out.push_back({budget.scope, name_of(budget.rule), shown(budget.rule, budget.rule.limit),
                   shown(budget.rule, budget.used), std::chrono::ceil<std::chrono::seconds>(budget.remaining)});
  }
  return out;
}

std::vector<Notice> Admission::take_notices() {
  auto out = std::exchange(notices_, {});
  for (auto& notice : breaker_.take_notices()) out.push_back(std::move(notice));
  return out;
}

}  // namespace cordon
