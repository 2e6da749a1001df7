// Which sandboxes stand ready before there is a job for them, when the next one is begun, and which go: by the rules of
// cordon.json, by what was asked for lately, and behind the jobs that run. Pure: time comes in, ids go out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/sha256.hpp"
#include "profiles/warm_rules.hpp"
#include "supervisor/admission/claim.hpp"
#include "supervisor/warm/demand.hpp"

namespace cordon {

// Sandboxes of one kind are as good as each other.
struct WarmKind {
  Sha256 profile{};
  std::string image;
  std::string prestart = {};                          // the interpreter that waits in it; "": none
  auto operator<=>(const WarmKind&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
};

class WarmPolicy {
 public:
  using Time = SteadyTime;
  using Id = std::uint64_t;  // of a sandbox; none comes twice

  // A job that was begun a moment ago is let alone while others stand ready: until it is answered, or for so long. When
  // there is always one, or jobs wait, a sandbox is begun each time so much has passed all the same.
  static constexpr std::chrono::milliseconds behind_jobs{20};
  static constexpr std::chrono::minutes max_age{10};                     // what stands longer is replaced
  static constexpr std::chrono::seconds max_preparing{40};               // longer than the launcher's own patience
  static constexpr std::chrono::seconds first_pause{1}, last_pause{30};  // after one that failed; doubled each time
  static constexpr unsigned most_refusals =
      3;  // of jobs, in a row: then the stock has failed, and at each that follows
  static constexpr std::chrono::seconds look_pause{1};  // for the host and the clock tell nothing

  struct Rule {
    std::string profile;  // its name
    WarmRule counts;
  };
  struct Rules {
    std::map<Sha256, Rule> of;  // the profiles in force
    std::size_t most = 0;       // all together
  };
  struct Surroundings {
    std::size_t waiting = 0;  // jobs, in the queue
    bool room = false;        // the host has enough of everything, and there is a launcher
  };

  explicit WarmPolicy(std::size_t at_once) : at_once_(at_once) {}  // so many are prepared at the same time

  void configure(Rules rules);  // what they do not allow any more is dropped next
  void see(Surroundings surroundings) { surroundings_ = surroundings; }
  void forget_failures();

  // A job of this kind begins. It takes the one that stands longest; if none does, the one that will be ready first,
  // unless an interpreter is what has to get ready: that takes longer than one that is started for the job.
  struct Taken {
    Id id = 0;
    bool ready = false;
    std::chrono::nanoseconds age{};  // since it was
  };
  enum class Cold { unruled, missed };  // there is no rule for its profile; none was there
  tl::expected<Taken, Cold> take(const WarmKind& kind, const std::string& job, Time now);
  void answered(const std::string& job) { young_.erase(job); }

  struct Wanted {
    Id id = 0;
    WarmKind kind;
    std::string profile;  // its name
  };
  std::optional<Wanted> next(Time now);  // it is to be begun now
  void opened(Id id);                    // it can be given a job
  void prepared(Id id, Time now);
  bool ended(Id id, Time now);  // by itself, and without a job. True: worth telling, it is the first of a row
  // One that a job had taken began it, or could not (it declined, or ended). True: worth telling, likewise.
  void took(const WarmKind& kind);
  bool refused(const WarmKind& kind, Time now);
  std::vector<Id> drop(Time now);  // those that are to be closed, oldest first; they are forgotten here
  bool has(Id id) const;           // nobody has taken it, it has not ended, and was not dropped
  std::optional<Time> look_again_at(Time now) const;  // for drop and next, though nothing happens meanwhile

  struct Standing {
    std::string profile, image, prestart;
    std::size_t ready = 0, preparing = 0, target = 0, min = 0, max = 0;
  };
  std::vector<Standing> standing(Time now) const;
  std::size_t most() const { return rules_.most; }

 private:
  enum class State : std::uint8_t { beginning, preparing, ready };
  struct Sandbox {
    Id id = 0;
    State state = State::beginning;
    Time since{};  // in that state
  };
  struct Stock {
    Demand demand;
    std::deque<Sandbox> sandboxes;  // in the order in which they were begun
    unsigned failures = 0;          // in a row
    unsigned refusals = 0;          // likewise, of jobs
    Time retry_at{};
  };
  using Stocks = std::map<WarmKind, Stock>;

  std::optional<WarmCounts> counts_of(const WarmKind& kind) const;  // nullopt: there is no rule
  std::size_t least(const WarmKind& kind) const;
  std::size_t target(const WarmKind& kind, const Stock& stock, Time now) const;
  bool lacks(const Stocks::value_type& entry, Time now) const;
  const Stocks::value_type* neediest(Time now) const;
  bool is_urgent(const Stocks::value_type& entry) const;
  bool is_quiet(Time now) const;
  Id drop_oldest();
  std::size_t all() const;
  std::size_t preparing() const;
  Sandbox* find(Id id);
  void fail(Stock& stock, Time now);

  std::size_t at_once_;
  Rules rules_;
  Surroundings surroundings_;
  Stocks stocks_;
  std::map<std::string, Time> young_;  // jobs that were not answered yet, and when they began
  std::optional<Time> lacking_since_;  // or since the last one was begun
  Id last_id_ = 0;
};

}  // namespace cordon
