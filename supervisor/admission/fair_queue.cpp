#include "supervisor/admission/fair_queue.hpp"

namespace cordon {
namespace {

// While nobody waited everybody had all they asked for: what they used then is held against nobody.
template <typename Competitors>
void level(Competitors& all) {
  std::erase_if(all, [](const auto& entry) { return entry.second.share.is_idle(); });
  double highest = 0;
  for (const auto& [name, one] : all) highest = std::max(highest, one.share.tag);
  for (auto& [name, one] : all) one.share.tag = highest;
}

// The one that `name` is, with one more in its queue. Who comes back gets no credit for having been away.
template <typename Competitors>
auto& join(Competitors& all, const std::string& name, double weight, std::uint64_t turn, SteadyTime now) {
  bool anybody_waits = false;
  for (auto& [other, one] : all) {
    one.share.pass(now);
    anybody_waits = anybody_waits || one.share.queued > 0;
  }
  if (!anybody_waits) level(all);
  const auto [at, is_new] = all.try_emplace(name);
  auto& share = at->second.share;
  if (is_new) share.turn = turn, share.touched = now;
  share.weight = weight;
  if (share.queued == 0) {
    std::optional<double> lowest;
    for (const auto& [other, one] : all) {
      if (anybody_waits ? one.share.queued > 0 : &one.share != &share)
        lowest = std::min(lowest.value_or(one.share.tag), one.share.tag);
    }
    share.tag = std::max(share.tag, lowest.value_or(0));
  }
  ++share.queued;
  return at->second;
}

// After `served` was chosen among those that could start: the others are not left behind without bound, and who could
// not start for limits of its own saves nothing up.
template <typename Competitors, typename CouldStart>
void settle(Competitors& all, const Share& served, const CouldStart& could_start) {
  double highest = served.tag;
  for (const auto& [name, one] : all) {
    if (one.share.queued > 0) highest = std::max(highest, one.share.tag);
  }
  for (auto& [name, one] : all) {
    auto& share = one.share;
    share.tag = std::max(share.tag, highest - Share::most_behind);
    if (share.queued > 0 && &share != &served && !could_start(one)) share.tag = std::max(share.tag, served.tag);
  }
  std::erase_if(all, [&](const auto& entry) {
    const auto& share = entry.second.share;
    return share.is_idle() && &share != &served && share.tag <= served.tag;
  });
}

}  // namespace

void FairQueue::push(std::string id, Claim claim, double weight, SteadyTime now) {
  ++turns_;
  auto& tenant = join(tenants_, claim.tenant, weight, turns_, now);
  auto& actor = join(tenant.actors, claim.actor, 1, turns_, now);
  const auto number = ++numbers_;
  actor.lanes[{claim.tool, claim.profile}].push_back({number, id});
  waiting_.emplace(std::move(id), Place{std::move(claim), number});
}

FairQueue::Lane* FairQueue::first_lane(Actor& actor, const MayStart& may_start) {
  Lane* first = nullptr;
  for (auto& [key, lane] : actor.lanes) {
    if (first != nullptr && first->front().number < lane.front().number) continue;
    if (may_start(waiting_.at(lane.front().id).claim)) first = &lane;
  }
  return first;
}

FairQueue::Candidate FairQueue::candidate_of(Tenant& tenant, const MayStart& may_start, SteadyTime now) {
  Candidate best;
  for (auto& [name, actor] : tenant.actors) {
    actor.share.pass(now);
    if (actor.share.queued == 0 || (best.actor != nullptr && !is_before(actor.share, best.actor->share))) continue;
    if (auto* lane = first_lane(actor, may_start)) best = {&actor, lane};
  }
  return best;
}

std::optional<FairQueue::Waiting> FairQueue::pop(const MayStart& may_start, SteadyTime now) {
  Tenant* best = nullptr;
  Candidate chosen;
  std::map<const Tenant*, bool> blocked;
  for (auto& [name, tenant] : tenants_) {
    tenant.share.pass(now);
    if (tenant.share.queued == 0) continue;
    const auto candidate = candidate_of(tenant, may_start, now);
    blocked[&tenant] = candidate.actor == nullptr;
    if (candidate.actor == nullptr || (best != nullptr && !is_before(tenant.share, best->share))) continue;
    best = &tenant;
    chosen = candidate;
  }
  if (best == nullptr) return std::nullopt;
  settle(tenants_, best->share, [&](const Tenant& tenant) { return !blocked[&tenant]; });
  settle(best->actors, chosen.actor->share, [&](Actor& actor) { return first_lane(actor, may_start) != nullptr; });
  const auto id = chosen.lane->front().id;
  chosen.lane->pop_front();
  std::erase_if(chosen.actor->lanes, [](const auto& entry) { return entry.second.empty(); });
  ++turns_;
  best->share.start(turns_);
  chosen.actor->share.start(turns_);
  auto node = waiting_.extract(id);
  return Waiting{id, std::move(node.mapped().claim)};
}

std::optional<Claim> FairQueue::remove(const std::string& id) {
  auto node = waiting_.extract(id);
  if (node.empty()) return std::nullopt;
  const auto& claim = node.mapped().claim;
  auto& tenant = tenants_.at(claim.tenant);
  auto& actor = tenant.actors.at(claim.actor);
  const auto lane = actor.lanes.find({claim.tool, claim.profile});
  std::erase_if(lane->second, [&](const Entry& entry) { return entry.number == node.mapped().number; });
  if (lane->second.empty()) actor.lanes.erase(lane);
  --actor.share.queued;
  --tenant.share.queued;
  return std::move(node.mapped().claim);
}

void FairQueue::ended(const Claim& claim, SteadyTime now) {
  const auto tenant = tenants_.find(claim.tenant);
  if (tenant == tenants_.end()) return;
  const auto actor = tenant->second.actors.find(claim.actor);
  if (actor == tenant->second.actors.end()) return;
  for (auto* share : {&tenant->second.share, &actor->second.share}) {
    share->pass(now);
    --share->running;
  }
}

void FairQueue::reweigh(const std::function<double(const std::string&)>& weight_of) {
  for (auto& [name, tenant] : tenants_) tenant.share.weight = weight_of(name);
}

std::optional<std::size_t> FairQueue::position(const std::string& id) const {
  const auto place = waiting_.find(id);
  if (place == waiting_.end()) return std::nullopt;
  const auto& [claim, number] = place->second;
  const auto& tenant = tenants_.at(claim.tenant);
  const auto& actor = tenant.actors.at(claim.actor);
  const auto came_before = [](const Entry& entry, std::uint64_t limit) { return entry.number < limit; };
  std::size_t rank = 1;
  for (const auto& [key, lane] : actor.lanes) {
    rank += static_cast<std::size_t>(std::lower_bound(lane.begin(), lane.end(), number, came_before) - lane.begin());
  }
  const auto of_actor = rank;
  for (const auto& [name, other] : tenant.actors) {
    if (&other != &actor) rank += served_before(actor.share, of_actor, other.share);
  }
  const auto of_tenant = rank;
  for (const auto& [name, other] : tenants_) {
    if (&other != &tenant) rank += served_before(tenant.share, of_tenant, other.share);
  }
  return rank;
}

}  // namespace cordon
