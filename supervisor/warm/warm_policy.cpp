#include "supervisor/warm/warm_policy.hpp"

#include <algorithm>

namespace cordon {

void WarmPolicy::configure(Rules rules) {
  rules_ = std::move(rules);
  for (const auto& [profile, rule] : rules_.of) {
    if (rule.counts.min > 0) stocks_[{profile, rule.counts.image}];
    for (const auto& [prestart, counts] : rule.counts.prestart)
      if (counts.min > 0) stocks_[{profile, rule.counts.image, prestart}];
  }
  forget_failures();
}

void WarmPolicy::forget_failures() {
  for (auto& [kind, stock] : stocks_) {
    stock.failures = stock.refusals = 0;
    stock.retry_at = {};
  }
}

tl::expected<WarmPolicy::Taken, WarmPolicy::Cold> WarmPolicy::take(const WarmKind& kind, const std::string& job,
                                                                   Time now) {
  young_[job] = now;
  if (!counts_of(kind)) return tl::unexpected(Cold::unruled);
  auto& stock = stocks_[kind];
  stock.demand.add(now);
  if (!lacking_since_) lacking_since_ = now;
  auto& sandboxes = stock.sandboxes;
  auto first = std::find_if(sandboxes.begin(), sandboxes.end(), [](const auto& s) { return s.state == State::ready; });
  if (first == sandboxes.end() && kind.prestart.empty()) {
    first = std::find_if(sandboxes.begin(), sandboxes.end(), [](const auto& s) { return s.state == State::preparing; });
  }
  if (first == sandboxes.end()) return tl::unexpected(Cold::missed);
  const bool ready = first->state == State::ready;
  const Taken taken{first->id, ready, ready ? now - first->since : std::chrono::nanoseconds(0)};
  sandboxes.erase(first);
  return taken;
}

std::optional<WarmCounts> WarmPolicy::counts_of(const WarmKind& kind) const {
  const auto rule = rules_.of.find(kind.profile);
  if (rule == rules_.of.end()) return std::nullopt;
  const auto& counts = rule->second.counts;
  if (kind.prestart.empty()) return WarmCounts{counts.min, counts.max};
  // An image's own interpreter is trusted with a job's input before the job is decided about for the last time (the
  // latch): only that of the image which the administrator named here.
  if (kind.image != counts.image) return std::nullopt;
  const auto prestart = counts.prestart.find(kind.prestart);
  return prestart != counts.prestart.end() ? std::optional(prestart->second) : std::nullopt;
}

std::size_t WarmPolicy::least(const WarmKind& kind) const {
  const auto counts = counts_of(kind);
  return counts && kind.image == rules_.of.at(kind.profile).counts.image ? counts->min : 0;
}

std::size_t WarmPolicy::target(const WarmKind& kind, const Stock& stock, Time now) const {
  const auto counts = counts_of(kind);
  if (!counts || !surroundings_.room) return 0;
  return std::clamp<std::size_t>(stock.demand.level(now), least(kind), counts->max);
}

bool WarmPolicy::lacks(const Stocks::value_type& entry, Time now) const {
  const auto& [kind, stock] = entry;
  return stock.sandboxes.size() < target(kind, stock, now);
}

// Of those that may be tried: nullptr, nothing is wanted.
const WarmPolicy::Stocks::value_type* WarmPolicy::neediest(Time now) const {
  if (all() >= rules_.most) return nullptr;
  const Stocks::value_type* found = nullptr;
  for (const auto& entry : stocks_) {
    if (!lacks(entry, now) || now < entry.second.retry_at) continue;
    if (found == nullptr || entry.second.sandboxes.size() < found->second.sandboxes.size()) found = &entry;
  }
  return found;
}

// The job that comes next would find none. An interpreter takes longer to start than it would spare that job.
bool WarmPolicy::is_urgent(const Stocks::value_type& entry) const {
  const auto& [kind, stock] = entry;
  return surroundings_.waiting == 0 && kind.prestart.empty() && stock.sandboxes.empty();
}

bool WarmPolicy::is_quiet(Time now) const {
  if (surroundings_.waiting > 0) return false;
  return std::none_of(young_.begin(), young_.end(), [&](const auto& job) { return now - job.second < behind_jobs; });
}

std::optional<WarmPolicy::Wanted> WarmPolicy::next(Time now) {
  const auto* entry = neediest(now);
  if (entry == nullptr) {
    lacking_since_.reset();
    return std::nullopt;
  }
  if (!lacking_since_) lacking_since_ = now;
  if (preparing() >= at_once_) return std::nullopt;
  if (!is_urgent(*entry) && !is_quiet(now) && now - *lacking_since_ < behind_jobs) return std::nullopt;
  lacking_since_ = now;
  stocks_[entry->first].sandboxes.push_back({++last_id_, State::beginning, now});
  return Wanted{last_id_, entry->first, rules_.of.at(entry->first.profile).profile};
}

WarmPolicy::Sandbox* WarmPolicy::find(Id id) {
  for (auto& [kind, stock] : stocks_) {
    for (auto& sandbox : stock.sandboxes) {
      if (sandbox.id == id) return &sandbox;
    }
  }
  return nullptr;
}

bool WarmPolicy::has(Id id) const {
  return std::any_of(stocks_.begin(), stocks_.end(), [&](const auto& entry) {
    const auto& all = entry.second.sandboxes;
    return std::any_of(all.begin(), all.end(), [&](const Sandbox& sandbox) { return sandbox.id == id; });
  });
}

void WarmPolicy::opened(Id id) {
  if (auto* sandbox = find(id)) sandbox->state = State::preparing;  // `since` stays: it was begun then
}

void WarmPolicy::prepared(Id id, Time now) {
  auto* sandbox = find(id);
  if (sandbox == nullptr) return;
  sandbox->state = State::ready;
  sandbox->since = now;
}

void WarmPolicy::fail(Stock& stock, Time now) {
  const auto pause = std::min<std::chrono::seconds>(first_pause * (1U << std::min(stock.failures, 16U)), last_pause);
  ++stock.failures;
  stock.retry_at = now + pause;
}

void WarmPolicy::took(const WarmKind& kind) {
  const auto stock = stocks_.find(kind);
  if (stock == stocks_.end()) return;
  if (stock->second.refusals >= most_refusals) stock->second.failures = 0;
  stock->second.refusals = 0;
}

bool WarmPolicy::refused(const WarmKind& kind, Time now) {
  const auto found = stocks_.find(kind);
  if (found == stocks_.end()) return false;
  auto& stock = found->second;
  if (++stock.refusals < most_refusals || now < stock.retry_at) return false;
  fail(stock, now);
  return stock.failures == 1;
}

// What ends while its like are not tried anyway, ends with them.
bool WarmPolicy::ended(Id id, Time now) {
  for (auto& [kind, stock] : stocks_) {
    auto& all = stock.sandboxes;
    const auto at = std::find_if(all.begin(), all.end(), [&](const Sandbox& s) { return s.id == id; });
    if (at == all.end()) continue;
    if (at->state == State::ready && now - at->since >= last_pause) stock.failures = 0;  // it could be prepared
    all.erase(at);
    if (now < stock.retry_at) return false;
    fail(stock, now);
    return stock.failures == 1;
  }
  return false;
}

std::vector<WarmPolicy::Id> WarmPolicy::drop(Time now) {
  std::vector<Id> out;
  for (auto& entry : stocks_) {
    auto& stock = entry.second;
    auto& sandboxes = stock.sandboxes;
    auto surplus = sandboxes.size() - std::min(sandboxes.size(), target(entry.first, stock, now));
    std::erase_if(sandboxes, [&](const Sandbox& sandbox) {
      const bool ready = sandbox.state == State::ready;
      const bool old = now - sandbox.since >= (ready ? std::chrono::seconds(max_age) : max_preparing);
      if (!ready && old && now >= stock.retry_at) fail(stock, now);
      if (!old && surplus == 0) return false;
      if (surplus > 0) --surplus;
      out.push_back(sandbox.id);
      return true;
    });
  }
  while (all() > rules_.most) out.push_back(drop_oldest());
  std::erase_if(stocks_, [&](const auto& entry) {
    const auto& [kind, stock] = entry;
    if (!counts_of(kind)) return true;
    return least(kind) == 0 && stock.sandboxes.empty() && stock.demand.level(now) == 0 && now >= stock.retry_at;
  });
  std::sort(out.begin(), out.end());
  return out;
}

// Of all kinds: the ids may have become fewer.
WarmPolicy::Id WarmPolicy::drop_oldest() {
  std::deque<Sandbox>* oldest = nullptr;
  for (auto& [kind, stock] : stocks_) {
    auto& sandboxes = stock.sandboxes;
    if (!sandboxes.empty() && (oldest == nullptr || sandboxes.front().id < oldest->front().id)) oldest = &sandboxes;
  }
  const auto id = oldest->front().id;
  oldest->pop_front();
  return id;
}

std::size_t WarmPolicy::all() const {
  std::size_t count = 0;
  for (const auto& [kind, stock] : stocks_) count += stock.sandboxes.size();
  return count;
}

std::size_t WarmPolicy::preparing() const {
  std::size_t count = 0;
  for (const auto& [kind, stock] : stocks_) {
    const auto& all = stock.sandboxes;
    count += static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const Sandbox& s) { return s.state != State::ready; }));
  }
  return count;
}

std::optional<WarmPolicy::Time> WarmPolicy::look_again_at(Time now) const {
  if (rules_.of.empty()) return std::nullopt;
  auto when = now + look_pause;
  const bool held_back = lacking_since_ && surroundings_.room && preparing() < at_once_;
  const auto* entry = held_back ? neediest(now) : nullptr;
  if (entry != nullptr && is_urgent(*entry)) return now;
  if (held_back) when = std::min(when, std::max(*lacking_since_ + behind_jobs, now));
  return when;
}

std::vector<WarmPolicy::Standing> WarmPolicy::standing(Time now) const {
  std::vector<Standing> out;
  for (const auto& [kind, stock] : stocks_) {
    const auto counts = counts_of(kind);
    if (!counts) continue;
    Standing standing{rules_.of.at(kind.profile).profile, kind.image,  kind.prestart, 0, 0,
                      target(kind, stock, now),           least(kind), counts->max};
    for (const auto& sandbox : stock.sandboxes) ++(sandbox.state == State::ready ? standing.ready : standing.preparing);
    out.push_back(std::move(standing));
  }
  return out;
}

}  // namespace cordon
