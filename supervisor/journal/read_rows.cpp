// Jobs as they are read again: by a later cordond, by whoever asks, by their keys.
#include "supervisor/journal/columns.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {
namespace {

constexpr std::size_t long_list = std::size_t{4} << 20;  // bytes of reports: they are parsed on the event loop

}  // namespace

std::vector<UnfinishedRow> JobRows::unfinished() {
  auto& rows = prepared(
      "SELECT id, actor, tenant, state, report, key, body, request, received_at, mandate FROM jobs "
      "JOIN reports USING (n) LEFT JOIN requests USING (n) LEFT JOIN mandates USING (n) WHERE state IN ('received', "
      "'admitted', 'started', 'killing') ORDER BY jobs.n");
  std::vector<UnfinishedRow> out;
  while (rows.executeStep()) {
    out.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getString(), rows.getColumn(2).getString(),
                   rows.getColumn(3).getString(), rows.getColumn(4).getString(), optional_blob(rows.getColumn(5)),
                   optional_blob(rows.getColumn(6)), digest_of(rows.getColumn(7)), rows.getColumn(8).getInt64(),
                   optional_blob(rows.getColumn(9))});
  }
  return out;
}

std::optional<StoredJob> JobRows::load(const std::string& id) {
  auto& row = prepared(
      "SELECT actor, tenant, report, events, stdout, stderr FROM jobs JOIN reports USING (n) "
      "WHERE id = ? AND state IN ('finished', 'lost')");
  row.bindNoCopy(1, id);
  if (!row.executeStep()) return std::nullopt;
  return StoredJob{id,
                   row.getColumn(0).getString(),
                   row.getColumn(1).getString(),
                   row.getColumn(2).getString(),
                   row.getColumn(3).getString(),
                   blob(row.getColumn(4)),
                   blob(row.getColumn(5))};
}

JobRows::Listed JobRows::list(const ListQuery& query) {
  auto& rows = query.actor ? prepared(
                                 "SELECT id, actor, tenant, report FROM jobs JOIN reports USING (n) "
                                 "WHERE state IN ('finished', 'lost') AND id < ? AND actor = ?3 "
                                 "ORDER BY id DESC LIMIT ?2")
                           : prepared(
                                 "SELECT id, actor, tenant, report FROM jobs JOIN reports USING (n) "
                                 "WHERE state IN ('finished', 'lost') AND id < ? ORDER BY id DESC LIMIT ?");
  const std::string before = query.before.empty() ? "~" : query.before;
  rows.bindNoCopy(1, before);
  rows.bind(2, static_cast<std::int64_t>(query.limit));
  if (query.actor) rows.bindNoCopy(3, *query.actor);
  Listed out;
  std::size_t bytes = 0;
  while (rows.executeStep()) {
    out.jobs.push_back({rows.getColumn(0).getString(),
                        rows.getColumn(1).getString(),
                        rows.getColumn(2).getString(),
                        rows.getColumn(3).getString(),
                        {},
                        {},
                        {}});
    bytes += out.jobs.back().report.size();
    out.cut = bytes > long_list;
    if (out.cut) break;
  }
  return out;
}

std::optional<KeyRow> JobRows::find_key(const std::string& actor, const std::string& key) {
  auto& row = prepared("SELECT id, request, state = 'forgotten' FROM jobs WHERE actor = ? AND key = ?");
  row.bindNoCopy(1, actor);
  row.bindNoCopy(2, key);
  if (!row.executeStep()) return std::nullopt;
  return KeyRow{row.getColumn(0).getString(), digest_of(row.getColumn(1)), row.getColumn(2).getInt() != 0};
}

std::optional<std::string> JobRows::forgotten_actor(const std::string& id) {
  auto& row = prepared("SELECT actor FROM jobs WHERE id = ? AND state = 'forgotten'");
  row.bindNoCopy(1, id);
  if (!row.executeStep()) return std::nullopt;
  return row.getColumn(0).getString();
}

bool JobRows::has_artifact(const Sha256& content) {
  auto& row = prepared("SELECT 1 FROM artifacts WHERE sha256 = ? LIMIT 1");
  bind_blob(row, 1, bytes_of(content));
  return row.executeStep();
}

}  // namespace cordon
