#include "supervisor/journal/authority_rows.hpp"

namespace cordon {
namespace {

std::optional<std::string> optional_text(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return column.getString();
}

}  // namespace

void receive_mandate(JobRows& rows, std::int64_t n, const std::string& mandate) {
  auto& insert = rows.prepared("INSERT INTO mandates (n, mandate, approval) VALUES (?, ?, 'waiting')");
  insert.bind(1, n);
  insert.bindNoCopy(2, mandate);
  insert.exec();
}

void update_mandate(JobRows& rows, const std::string& job, const std::string& mandate, std::string_view approval) {
  auto& update =
      rows.prepared("UPDATE mandates SET mandate = ?, approval = ? WHERE n = (SELECT n FROM jobs WHERE id = ?)");
  update.bindNoCopy(1, mandate);
  update.bind(2, std::string(approval));
  update.bindNoCopy(3, job);
  if (update.exec() != 1) throw SQLite::Exception("there is no mandate of job " + job, 1);
}

bool consume_approval(JobRows& rows, const std::string& job) {
  auto& update = rows.prepared(
      "UPDATE mandates SET approval = 'consumed' WHERE n = (SELECT n FROM jobs WHERE id = ? AND state = 'received') "
      "AND approval = 'granted'");
  update.bindNoCopy(1, job);
  return update.exec() == 1;
}

void save_grant(JobRows& rows, const GrantRow& row) {
  auto& save = rows.prepared("INSERT OR REPLACE INTO grants (name, terms, used, revoked) VALUES (?, ?, ?, ?)");
  save.bindNoCopy(1, row.name);
  save.bindNoCopy(2, row.terms);
  save.bind(3, row.used);
  if (row.revoked) save.bindNoCopy(4, *row.revoked);
  save.exec();
}

void count_uses(JobRows& rows, const std::vector<std::pair<std::string, std::uint64_t>>& uses) {
  for (const auto& [name, used] : uses) {
    auto& update = rows.prepared("UPDATE grants SET used = max(used, ?) WHERE name = ?");
    update.bind(1, static_cast<std::int64_t>(used));
    update.bindNoCopy(2, name);
    update.exec();
  }
}

void forget_grants(JobRows& rows, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    auto& gone = rows.prepared("DELETE FROM grants WHERE name = ?");
    gone.bindNoCopy(1, name);
    gone.exec();
  }
}

std::vector<GrantRow> load_grants(JobRows& rows) {
  auto& all = rows.prepared("SELECT name, terms, used, revoked FROM grants");
  std::vector<GrantRow> out;
  while (all.executeStep())
    out.push_back({all.getColumn(0).getString(), all.getColumn(1).getString(), all.getColumn(2).getInt64(),
                   optional_text(all.getColumn(3))});
  return out;
}

void save_context(JobRows& rows, const ContextRow& row) {
  auto& save = rows.prepared("INSERT OR REPLACE INTO contexts (actor, task, data) VALUES (?, ?, ?)");
  save.bindNoCopy(1, row.actor);
  save.bindNoCopy(2, row.task);
  save.bindNoCopy(3, row.data);
  save.exec();
}

void forget_context(JobRows& rows, const std::string& actor, const std::string& task) {
  auto& gone = rows.prepared("DELETE FROM contexts WHERE actor = ? AND task = ?");
  gone.bindNoCopy(1, actor);
  gone.bindNoCopy(2, task);
  gone.exec();
}

std::vector<ContextRow> load_contexts(JobRows& rows) {
  auto& all = rows.prepared("SELECT actor, task, data FROM contexts");
  std::vector<ContextRow> out;
  while (all.executeStep())
    out.push_back({all.getColumn(0).getString(), all.getColumn(1).getString(), all.getColumn(2).getString()});
  return out;
}

}  // namespace cordon
