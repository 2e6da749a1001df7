#include "supervisor/evidence/refusal_tally.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace cordon {
namespace {

constexpr std::uint64_t nobody = std::numeric_limits<std::uint64_t>::max();
constexpr const char* several = "several";

}  // namespace

bool is_decision(const Rejection& rejection) {
  constexpr std::array<std::string_view, 4> others{"queue_full", "ambiguous_outcome", "approval_expired",
                                                   "binding_mismatch"};
  return rejection.status == 403 || rejection.status == 429 ||
         std::find(others.begin(), others.end(), rejection.code) != others.end();
}

// Where there is no room for one more kind, it is counted with others like it.
RefusalTally::Kind RefusalTally::kind_of(const Refusal& refusal) const {
  const std::uint64_t uid = refusal.uid ? *refusal.uid : nobody;
  Kind kind{uid, refusal.account.actor, refusal.code, refusal.tool, refusal.profile};
  if (counted_.contains(kind)) return kind;
  std::size_t of_this_uid = 0;
  for (auto at = counted_.lower_bound(Kind{uid, {}, {}, {}, {}}); at != counted_.end() && at->first.uid == uid; ++at)
    ++of_this_uid;
  if (of_this_uid >= most_of_one_uid) kind = {uid, {}, several, {}, {}};
  if (counted_.size() >= most && !counted_.contains(kind)) kind = {nobody, {}, several, {}, {}};
  return kind;
}

bool RefusalTally::add(Refusal refusal, TimePoint now) {
  auto kind = kind_of(refusal);
  if (kind.code != refusal.code) {
    refusal.code = kind.code;
    refusal.tool = refusal.profile = {};
    refusal.account = {};
    if (kind.uid == nobody) refusal.uid.reset();
  }
  const auto [at, is_new] = counted_.try_emplace(std::move(kind), Counted{{}, 0, now});
  auto& counted = at->second;
  if (is_new) counted.place = free_place();
  counted.latest = std::move(refusal);
  ++counted.count;
  latest_ = &counted;
  return counted.due <= now;
}

// The lowest: as few are in use as there are kinds.
std::size_t RefusalTally::free_place() {
  if (free_.empty()) return counted_.size() - 1;
  return free_.extract(free_.begin()).value();
}

std::optional<RefusalTally::Counts> RefusalTally::latest() const {
  return latest_ != nullptr && latest_->count > 0 ? std::optional(told(*latest_)) : std::nullopt;
}

RefusalTally::Counts RefusalTally::told(const Counted& counted) {
  const auto& refusal = counted.latest;
  EvidenceRecord record{EvidenceKind::refusal, {}};
  record.put_text("actor", refusal.account.actor).put_text("tenant", refusal.account.tenant);
  if (refusal.uid) record.put("uid", std::uint64_t{*refusal.uid});
  record.put_text("tool", refusal.tool).put_text("profile", refusal.profile);
  record.put("policy_sha256", hex(refusal.policy)).put("status", std::uint64_t{refusal.status});
  record.put("code", refusal.code).put("reason", refusal.detail);
  record.put("count", counted.count);
  return {std::move(record), counted.place};
}

RefusalTally::Counts RefusalTally::taken(Counted& counted) {
  auto counts = told(counted);
  counted.count = 0;
  return counts;
}

std::vector<RefusalTally::Counts> RefusalTally::take_due(TimePoint now) {
  std::vector<Counts> out;
  for (auto at = counted_.begin(); at != counted_.end();) {
    auto& counted = at->second;
    if (counted.due <= now && counted.count == 0) {
      free_.insert(counted.place);
      if (latest_ == &counted) latest_ = nullptr;
      at = counted_.erase(at);
      continue;
    }
    if (counted.due <= now) {
      out.push_back(taken(counted));
      counted.due = now + window;
    }
    ++at;
  }
  return out;
}

std::vector<RefusalTally::Counts> RefusalTally::take_all() {
  std::vector<Counts> out;
  for (auto& [kind, counted] : counted_) {
    if (counted.count > 0) out.push_back(taken(counted));
  }
  return out;
}

std::optional<RefusalTally::TimePoint> RefusalTally::next() const {
  std::optional<TimePoint> earliest;
  for (const auto& [kind, counted] : counted_) {
    if (!earliest || counted.due < *earliest) earliest = counted.due;
  }
  return earliest;
}

std::uint64_t RefusalTally::waiting() const {
  std::uint64_t sum = 0;
  for (const auto& [kind, counted] : counted_) sum += counted.count;
  return sum;
}

}  // namespace cordon
