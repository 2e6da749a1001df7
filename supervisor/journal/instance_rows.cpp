// What the journal keeps of the instance as a whole: its age, and what was used of budgets.
#include "supervisor/journal/job_rows.hpp"

namespace cordon {

void JobRows::save(const ClockRow& clock) {
  auto& row = prepared("INSERT OR REPLACE INTO clock (one, boot, boottime_s, wall_s, age_s) VALUES (1, ?, ?, ?, ?)");
  row.bindNoCopy(1, clock.boot);
  row.bind(2, clock.boottime_s);
  row.bind(3, clock.wall_s);
  row.bind(4, clock.age_s);
  row.exec();
}

std::optional<ClockRow> JobRows::clock() {
  auto& row = prepared("SELECT boot, boottime_s, wall_s, age_s FROM clock");
  if (!row.executeStep()) return std::nullopt;
  return ClockRow{row.getColumn(0).getString(), row.getColumn(1).getInt64(), row.getColumn(2).getInt64(),
                  row.getColumn(3).getInt64()};
}

void JobRows::save(const std::vector<SavedBudget>& budgets) {
  for (const auto& budget : budgets) {
    auto& row = budget.used == 0
                    ? prepared("DELETE FROM budgets WHERE kind = ? AND name = ? AND resource = ? AND period = ?")
                    : prepared("INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?, ?, ?, ?)");
    row.bind(1, budget.kind);
    row.bindNoCopy(2, budget.name);
    row.bind(3, budget.resource);
    row.bind(4, budget.window);
    if (budget.used != 0) {
      row.bind(5, budget.used);
      row.bind(6, budget.remaining_ms);
      row.bind(7, budget.saved_age_s);
    }
    row.exec();
  }
}

std::vector<SavedBudget> JobRows::budgets() {
  auto& rows = prepared("SELECT kind, name, resource, period, used, remaining_ms, saved_age FROM budgets");
  std::vector<SavedBudget> out;
  while (rows.executeStep()) {
    out.push_back({rows.getColumn(0).getInt(), rows.getColumn(1).getString(), rows.getColumn(2).getInt(),
                   rows.getColumn(3).getInt(), rows.getColumn(4).getInt64(), rows.getColumn(5).getInt64(),
                   rows.getColumn(6).getInt64()});
  }
  return out;
}

}  // namespace cordon
