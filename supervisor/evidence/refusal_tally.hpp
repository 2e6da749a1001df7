// What was refused, counted so that it can stay on the record whatever is refused how often: the first of a kind goes
// there at once, the further ones of a minute as one record with their count. Pure: time comes in, records go out.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"
#include "supervisor/evidence/record.hpp"
#include "supervisor/http/problem.hpp"
#include "supervisor/identity.hpp"

namespace cordon {

struct Refusal {
  std::optional<std::uint32_t> uid;  // as the kernel says; nullopt: it does not
  Account account;                   // no actor: nobody of that uid is let in at all
  unsigned status = 0;
  std::string code, detail;
  std::string tool, profile;  // where they are known to be there: never a client's words
  Sha256 policy{};            // in force then
};

// A refusal that was decided: 403, 429, a full queue, a call that must not happen twice, an approval that is too late
// or is for something else. What was asked in a wrong form, or is not there, is none; and what cannot be started for a
// trouble of Cordon's own is told otherwise.
bool is_decision(const Rejection& rejection);

class RefusalTally {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr auto window = std::chrono::seconds(60);
  // Kinds (uid, actor, code, tool, profile) that are told apart; what is more is counted as code "several", of that uid
  // and of whoever.
  static constexpr std::size_t most = 512, most_of_one_uid = 32;

  // Refusals of one kind that are counted, and the place of that kind: no two have one at a time.
  struct Counts {
    EvidenceRecord record;
    std::size_t place = 0;
  };
  bool add(Refusal refusal, TimePoint now);  // true: something is due
  std::optional<Counts> latest() const;      // of the kind that was added to last; nullopt: it was taken
  std::vector<Counts> take_due(TimePoint now);
  std::vector<Counts> take_all();         // before the end
  std::optional<TimePoint> next() const;  // when take_due() has something to do; nullopt: there is nothing
  std::uint64_t waiting() const;          // refusals that are in no record yet

 private:
  struct Kind {
    std::uint64_t uid = 0;  // one that is not known is beyond all others
    std::string actor, code, tool, profile;
    auto operator<=>(const Kind&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
  };
  struct Counted {
    Refusal latest;
    std::uint64_t count = 0;  // since the last record of it
    TimePoint due;
    std::size_t place = 0;
  };
  Kind kind_of(const Refusal& refusal) const;
  std::size_t free_place();
  static Counts told(const Counted& counted);
  static Counts taken(Counted& counted);

  std::map<Kind, Counted> counted_;
  const Counted* latest_ = nullptr;  // into it; nullptr: none
  std::set<std::size_t> free_;       // places of kinds that are gone
};

}  // namespace cordon
