// Which scopes are engaged, since when, by whom and why. Pure: time comes in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/kill/scope.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {

struct Engagement {
  Scope scope;
  std::uint64_t generation = 0;  // of the switch when it was engaged (again)
  WallTime engaged_at;
  std::string by;  // an actor
  std::string reason;
  bool operator==(const Engagement&) const = default;
};

class KillSwitch {
 public:
  KillSwitch() = default;
  KillSwitch(std::uint64_t generation, const std::vector<Engagement>& engaged);

  // Engaging what is engaged makes a new generation and leaves it with whom it had first: when, by whom, why.
  Engagement engage(const Scope& scope, std::string by, std::string reason, WallTime now);
  std::optional<Engagement> release(const Scope& scope);  // nullopt: it was not engaged

  void renew() { ++generation_; }  // nothing is engaged, but what was decided is to be decided again

  // What keeps this from running, the broadest first; nullopt: nothing does.
  std::optional<Engagement> engaged_for(const Membership& member) const;
  std::optional<Engagement> find(const Scope& scope) const;
  std::vector<Engagement> engaged() const;  // oldest first

  // Another one with each engagement: what was decided under an older one is to be decided again. At least 1.
  std::uint64_t generation() const { return generation_; }

 private:
  std::uint64_t generation_ = 1;
  std::map<Scope, Engagement> engaged_;
};

}  // namespace cordon
