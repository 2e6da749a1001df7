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
RefusalTally::Kind RefusalTally::place_of(const Refusal& refusal) const {
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
  auto kind = place_of(refusal);
  if (kind.code != refusal.code) {
    refusal.code = kind.code;
    refusal.tool = refusal.profile = {};
    refusal.account = {};
    if (kind.uid == nobody) refusal.uid.reset();
  }
  auto& counted = counted_.try_emplace(std::move(kind), Counted{{}, 0, now}).first->second;
  counted.latest = std::move(refusal);
  ++counted.count;
  return counted.due <= now;
}

EvidenceRecord RefusalTally::taken(Counted& counted) {
  const auto& refusal = counted.latest;
  EvidenceRecord record{EvidenceKind::refusal, {}};
  record.put_text("actor", refusal.account.actor).put_text("tenant", refusal.account.tenant);
  if (refusal.uid) record.put("uid", std::uint64_t{*refusal.uid});
  record.put_text("tool", refusal.tool).put_text("profile", refusal.profile);
  record.put("policy_sha256", hex(refusal.policy)).put("status", std::uint64_t{refusal.status});
  record.put("code", refusal.code).put("reason", refusal.detail);
  return record.put("count", std::exchange(counted.count, 0));
}

std::vector<EvidenceRecord> RefusalTally::take_due(TimePoint now) {
  std::vector<EvidenceRecord> out;
  for (auto at = counted_.begin(); at != counted_.end();) {
    auto& counted = at->second;
    if (counted.due <= now && counted.count == 0) {
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

std::vector<EvidenceRecord> RefusalTally::take_all() {
  std::vector<EvidenceRecord> out;
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
