// Calls that may have happened, and what operators found out about them.
#include "supervisor/journal/columns.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {

bool JobRows::settle(const Settlement& settlement, const std::string& report) {
  auto& row = prepared(
      "UPDATE ambiguous SET settled_as = ?, settled_by = ?, settled_at = ? WHERE id = ? AND settled_as IS NULL");
  row.bindNoCopy(1, settlement.as);
  row.bindNoCopy(2, settlement.by);
  row.bind(3, settlement.at_us);
  row.bindNoCopy(4, settlement.id);
  if (row.exec() == 0) return false;
  if (report.empty()) return true;
  auto& told = prepared("UPDATE reports SET report = ? WHERE n = (SELECT n FROM jobs WHERE id = ?)");
  told.bindNoCopy(1, report);
  told.bindNoCopy(2, settlement.id);
  told.exec();
  return true;
}

std::vector<AmbiguousRow> JobRows::unsettled() {
  auto& rows = prepared("SELECT id, actor, tool, input, at FROM ambiguous WHERE settled_as IS NULL");
  std::vector<AmbiguousRow> out;
  while (rows.executeStep()) {
    out.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getString(), rows.getColumn(2).getString(),
                   digest_of(rows.getColumn(3)), rows.getColumn(4).getInt64()});
  }
  return out;
}

}  // namespace cordon
