// Who waits, and who is next: fair between tenants by their weights, within a tenant between its actors, and first in
// first out within an actor, but for jobs whose tool or profile may not start now, which the others pass. Pure.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "supervisor/admission/share.hpp"

namespace cordon {

class FairQueue {
 public:
  struct Waiting {
    std::string id;
    Claim claim;
  };
  using MayStart = std::function<bool(const Claim&)>;  // by its scopes alone, never by its other members

  void push(std::string id, Claim claim, double weight, SteadyTime now);
  // The next of those that may start; it counts as running until `ended`. nullopt: none may.
  std::optional<Waiting> pop(const MayStart& may_start, SteadyTime now);
  std::optional<Claim> remove(const std::string& id);  // without having run; nullopt: it does not wait
  void ended(const Claim& claim, SteadyTime now);

  void reweigh(const std::function<double(const std::string& tenant)>& weight_of);

  bool contains(const std::string& id) const { return waiting_.contains(id); }
  std::size_t size() const { return waiting_.size(); }
  // 1 is next. As foretold for jobs that cost alike, may all start, and are joined by no others; nullopt: not waiting.
  std::optional<std::size_t> position(const std::string& id) const;

 private:
  using LaneKey = std::pair<std::string, std::string>;  // tool and profile
  struct Entry {
    std::uint64_t number = 0;  // in the order they came
    std::string id;
  };
  using Lane = std::deque<Entry>;
  struct Actor {
    Share share;
    std::map<LaneKey, Lane> lanes;
  };
  struct Tenant {
    Share share;
    std::map<std::string, Actor> actors;
  };
  struct Place {
    Claim claim;
    std::uint64_t number = 0;
  };
  struct Candidate {
    Actor* actor = nullptr;
    Lane* lane = nullptr;
  };
  Candidate candidate_of(Tenant& tenant, const MayStart& may_start, SteadyTime now);
  Lane* first_lane(Actor& actor, const MayStart& may_start);

  std::map<std::string, Tenant> tenants_;
  std::map<std::string, Place> waiting_;
  std::uint64_t numbers_ = 0, turns_ = 0;
};

}  // namespace cordon
