#include "supervisor/kill/kill_switch.hpp"

#include <algorithm>

namespace cordon {

KillSwitch::KillSwitch(std::uint64_t generation, const std::vector<Engagement>& engaged)
    : generation_(std::max<std::uint64_t>(generation, 1)) {
  for (const auto& one : engaged) engaged_.emplace(one.scope, one);
}

Engagement KillSwitch::engage(const Scope& scope, std::string by, std::string reason, WallTime now) {
  ++generation_;
  auto& engagement =
      engaged_.try_emplace(scope, Engagement{scope, generation_, now, std::move(by), std::move(reason)}).first->second;
  engagement.generation = generation_;
  return engagement;
}

std::optional<Engagement> KillSwitch::release(const Scope& scope) {
  auto found = engaged_.extract(scope);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

std::optional<Engagement> KillSwitch::engaged_for(const Membership& member) const {
  if (engaged_.empty()) return std::nullopt;
  for (std::size_t kind = 0; kind < scope_words.size(); ++kind) {
    const auto scope = scope_of(static_cast<Scope::Kind>(kind), member);
    if (auto found = scope ? find(*scope) : std::nullopt) return found;
  }
  return std::nullopt;
}

std::optional<Engagement> KillSwitch::find(const Scope& scope) const {
  const auto at = engaged_.find(scope);
  return at == engaged_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<Engagement> KillSwitch::engaged() const {
  std::vector<Engagement> all;
  all.reserve(engaged_.size());
  for (const auto& [scope, engagement] : engaged_) all.push_back(engagement);
  std::stable_sort(all.begin(), all.end(),
                   [](const Engagement& a, const Engagement& b) { return a.engaged_at < b.engaged_at; });
  return all;
}

}  // namespace cordon
