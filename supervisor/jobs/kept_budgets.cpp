// What is used of budgets, as the journal keeps it.
#include "supervisor/jobs/job_life.hpp"

namespace cordon {

// In the other direction: changed_budgets().
void JobLife::restore(const std::vector<SavedBudget>& budgets) {
  for (const auto& saved : budgets) {
    // Over a reboot it is not known how long it was: then it counts as nothing, and nobody gets more than was allowed.
    const auto pause = std::chrono::seconds(journal_.same_boot() ? journal_.age_s() - saved.saved_age_s : 0);
    const BudgetRow row{static_cast<ScopeKind>(saved.kind),     saved.name,
                        static_cast<Resource>(saved.resource),  static_cast<Window>(saved.window),
                        static_cast<std::uint64_t>(saved.used), std::chrono::milliseconds(saved.remaining_ms)};
    admission_.budgets().restore(row, pause, Clock::now());
  }
}

std::vector<SavedBudget> JobLife::changed_budgets() {
  std::vector<SavedBudget> out;
  for (const auto& row : admission_.budgets().changed_rows(Clock::now())) {
    out.push_back({static_cast<int>(row.kind), row.name, static_cast<int>(row.resource), static_cast<int>(row.window),
                   static_cast<std::int64_t>(row.used), row.remaining.count(), journal_.age_s()});
  }
  return out;
}

}  // namespace cordon
