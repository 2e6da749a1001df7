// How much of an hour's or a day's budget each tenant, actor, tool and profile has used. Pure.
//
// A window begins with the first use after the former one ended, and lasts exactly an hour or a day of the monotonic
// clock: a step of the wall clock changes nothing. What is kept over a restart is the rest of the window, see
// BudgetRow.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "profiles/admission_rules.hpp"
#include "supervisor/admission/claim.hpp"

namespace cordon {

// For the journal. After a restart the window goes on from `remaining` less the time since this was saved; when that
// is not known (another boot) the pause counts as nothing, so that a restart never gives more than was allowed.
struct BudgetRow {
  ScopeKind kind = ScopeKind::tenant;
  std::string name;
  Resource resource = Resource::jobs;
  Window window = Window::hour;
  std::uint64_t used = 0;  // microseconds of CPU, jobs, bytes; 0: forget this row
  std::chrono::milliseconds remaining{0};
};

struct BudgetState {
  LimitScope scope;
  BudgetRule rule;
  std::uint64_t used = 0;
  std::chrono::nanoseconds remaining{0};  // of its window; all of it while nothing is used
};

class Budgets {
 public:
  // The rules of the scopes that a claim comes under, every time: they change with the configuration.
  struct Ruled {
    LimitScope scope;
    const std::vector<BudgetRule>* rules;
  };
  using Scopes = std::vector<Ruled>;

  // The used-up one with the longest rest; nullopt: there is something left of each.
  std::optional<BudgetState> exhausted(const Scopes& scopes, SteadyTime now) const;
  void charge_job(const Scopes& scopes, SteadyTime now);

  // Whether one more may start: what is used and what the running ones may still take together leave something. So the
  // last job alone goes beyond a budget, by what it may take.
  bool may_start(const Scopes& scopes, SteadyTime now) const;
  void start(const Scopes& scopes, const Spend& at_most);
  void end(const Scopes& scopes, const Spend& at_most, const Spend& spent, SteadyTime now);

  std::vector<BudgetState> states(const Scopes& scopes, SteadyTime now) const;
  // When the next window ends in which something is used; nullopt: none.
  std::optional<SteadyTime> next_end(SteadyTime now) const;

  std::vector<BudgetRow> rows(SteadyTime now) const;
  std::vector<BudgetRow> changed_rows(SteadyTime now);  // since the last call
  void restore(const BudgetRow& row, std::chrono::milliseconds since_saved, SteadyTime now);

 private:
  struct Key {
    LimitScope scope;
    Resource resource;
    Window window;
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
  };
  struct Used {
    std::uint64_t amount = 0;
    SteadyTime ends;
  };
  struct Reserved {  // for what runs
    std::size_t jobs = 0;
    Spend at_most;
  };
  std::uint64_t used(const Key& key, SteadyTime now) const;
  void charge(const Scopes& scopes, Resource resource, std::uint64_t amount, SteadyTime now);
  void drop_ended(SteadyTime now);
  BudgetRow row_of(const Key& key, SteadyTime now) const;

  std::map<Key, Used> used_;
  std::map<LimitScope, Reserved> reserved_;
  std::set<Key> changed_;
};

}  // namespace cordon
