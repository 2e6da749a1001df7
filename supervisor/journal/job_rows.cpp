#include "supervisor/journal/job_rows.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/journal/schema.hpp"

namespace cordon {
namespace {

constexpr int busy_ms = 5000;                            // the two connections hardly ever wait for each other
constexpr std::size_t long_list = std::size_t{4} << 20;  // bytes of reports: they are parsed on the event loop
constexpr std::size_t tombstones_kept = 100'000;         // ids answered with 410 instead of 404, and their keys

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

void bind_blob(SQLite::Statement& statement, int at, std::string_view bytes) {
  statement.bindNoCopy(at, bytes.data(), static_cast<int>(bytes.size()));
}

std::string blob(const SQLite::Column& column) {
  const auto size = static_cast<std::size_t>(column.getBytes());
  return size == 0 ? std::string() : std::string(static_cast<const char*>(column.getBlob()), size);
}

std::optional<std::string> optional_blob(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return blob(column);
}

Sha256 digest_of(const SQLite::Column& column) {
  Sha256 digest{};
  const auto bytes = blob(column);
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

void migrate(SQLite::Database& database) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > schema_version) {
    throw SQLite::Exception("it was written by a newer version of Cordon", SQLITE_NOTADB);
  }
  if (version == schema_version) return;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (int step = version; step < schema_version; ++step)
    database.exec(schema_steps.at(static_cast<std::size_t>(step)));
  database.exec("PRAGMA user_version = " + std::to_string(schema_version));
  transaction.commit();
}

}  // namespace

JobRows::JobRows(const std::string& path, bool writes)
    : database_(path, writes ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY, busy_ms) {
  if (!writes) return;
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = NORMAL");
  migrate(database_);
  // In the place of SQLite's own, which takes over in the middle of whichever commit it is that is one too many.
  const auto count = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<JobRows*>(self)->written_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_.getHandle(), count, this);
}

void JobRows::survive_power_loss(bool wanted) {
  database_.exec(wanted ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

void JobRows::rest() {
  for (auto& [sql, statement] : statements_) statement.tryReset();
}

void JobRows::begin(bool to_write) {
  prepared(to_write ? "BEGIN IMMEDIATE" : "BEGIN").exec();
}

void JobRows::commit() {
  rest();
  prepared("COMMIT").exec();
}

void JobRows::undo() {
  rest();
  tombstones_.reset();
  if (sqlite3_get_autocommit(database_.getHandle()) == 0) database_.tryExec("ROLLBACK");
}

void JobRows::checkpoint(int pages) {
  if (written_pages_ < pages) return;
  if (sqlite3_wal_checkpoint_v2(database_.getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) ==
      SQLITE_OK)
    written_pages_ = 0;  // the next commit says what is left
}

// What an earlier use left bound or half read is gone.
SQLite::Statement& JobRows::prepared(const char* sql) {
  auto at = statements_.find(sql);
  if (at == statements_.end()) at = statements_.try_emplace(sql, database_, sql).first;
  at->second.tryReset();
  at->second.clearBindings();
  return at->second;
}

std::int64_t JobRows::row_of(const std::string& id) {
  auto& find = prepared("SELECT n FROM jobs WHERE id = ?");
  find.bindNoCopy(1, id);
  if (!find.executeStep()) throw SQLite::Exception("there is no job " + id, SQLITE_ERROR);
  const auto row = find.getColumn(0).getInt64();
  find.reset();
  return row;
}

void JobRows::receive(const ReceivedRow& row) {
  auto& job = prepared(
      "INSERT INTO jobs (id, actor, tenant, key, request, state, received_at) VALUES (?, ?, ?, ?, ?, 'received', ?)");
  job.bindNoCopy(1, row.id);
  job.bindNoCopy(2, row.actor);
  job.bindNoCopy(3, row.tenant);
  if (row.key) {
    job.bindNoCopy(4, *row.key);
    bind_blob(job, 5, bytes_of(row.request));
  }
  job.bind(6, row.at_us);
  job.exec();
  const auto n = database_.getLastInsertRowid();
  auto& report = prepared("INSERT INTO reports (n, report) VALUES (?, ?)");
  report.bind(1, n);
  report.bindNoCopy(2, row.report);
  report.exec();
  if (row.mandate) receive_mandate(*this, n, *row.mandate);
  if (!row.body) return;
  auto& request = prepared("INSERT INTO requests (n, body) VALUES (?, ?)");
  request.bind(1, n);
  bind_blob(request, 2, *row.body);
  request.exec();
}

void JobRows::withdraw(const std::string& id) {
  const auto n = row_of(id);
  for (const char* sql : {"DELETE FROM requests WHERE n = ?", "DELETE FROM mandates WHERE n = ?",
                          "DELETE FROM reports WHERE n = ?", "DELETE FROM jobs WHERE n = ?"}) {
    auto& statement = prepared(sql);
    statement.bind(1, n);
    statement.exec();
  }
}

void JobRows::step(Step step, const std::string& id, std::int64_t at_us) {
  // A state never goes back: what comes late only adds its time.
  auto& update = [&]() -> SQLite::Statement& {
    switch (step) {
      case Step::admitted:
        return prepared("UPDATE jobs SET state = 'admitted', admitted_at = ? WHERE id = ? AND state = 'received'");
      case Step::started:
        return prepared(
            "UPDATE jobs SET state = iif(state = 'admitted', 'started', state), started_at = ? "
            "WHERE id = ? AND (state = 'admitted' OR state = 'killing')");
      case Step::killing:
        break;
    }
    return prepared(
        "UPDATE jobs SET state = 'killing', killing_at = ? WHERE id = ? AND (state = 'admitted' OR state = 'started')");
  }();
  update.bind(1, at_us);
  update.bindNoCopy(2, id);
  update.exec();
  if (step != Step::admitted) return;
  auto& request = prepared("DELETE FROM requests WHERE n = (SELECT n FROM jobs WHERE id = ?)");
  request.bindNoCopy(1, id);
  request.exec();
}

void JobRows::end(const EndedRow& row) {
  const auto n = row_of(row.id);
  auto& job = prepared(
      "UPDATE jobs SET state = ?, ended_at = ?, collected_at = iif(?1 = 'finished', ?2, NULL), ended_age = ?, bytes = "
      "? "
      "WHERE n = ?");
  job.bindNoCopy(1, row.lost ? "lost" : "finished");
  job.bind(2, row.at_us);
  job.bind(3, row.age_s);
  job.bind(4, static_cast<std::int64_t>(row.bytes));
  job.bind(5, n);
  job.exec();
  auto& report = prepared("UPDATE reports SET report = ?, events = ?, stdout = ?, stderr = ? WHERE n = ?");
  report.bindNoCopy(1, row.report);
  report.bindNoCopy(2, row.events);
  bind_blob(report, 3, row.stdout_bytes);
  bind_blob(report, 4, row.stderr_bytes);
  report.bind(5, n);
  report.exec();
  for (const auto* sql : {"DELETE FROM requests WHERE n = ?", "DELETE FROM mandates WHERE n = ?"}) {
    auto& gone = prepared(sql);
    gone.bind(1, n);
    gone.exec();
  }
  for (const auto& content : row.artifacts) {
    auto& artifact = prepared("INSERT OR IGNORE INTO artifacts (n, sha256) VALUES (?, ?)");
    artifact.bind(1, n);
    bind_blob(artifact, 2, bytes_of(content));
    artifact.exec();
  }
  if (row.ambiguous) {
    auto& ambiguous = prepared("INSERT OR IGNORE INTO ambiguous (id, actor, tool, input, at) VALUES (?, ?, ?, ?, ?)");
    ambiguous.bindNoCopy(1, row.ambiguous->id);
    ambiguous.bindNoCopy(2, row.ambiguous->actor);
    ambiguous.bindNoCopy(3, row.ambiguous->tool);
    bind_blob(ambiguous, 4, bytes_of(row.ambiguous->input));
    ambiguous.bind(5, row.ambiguous->at_us);
    ambiguous.exec();
  }
  auto& held = prepared(
      "INSERT INTO held (actor, jobs, bytes) SELECT actor, 1, bytes FROM jobs WHERE n = ? "
      "ON CONFLICT (actor) DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes");
  held.bind(1, n);
  held.exec();
}

Forgotten JobRows::forget_oldest(const std::string& actor, std::size_t limit) {
  auto& oldest = prepared("SELECT n FROM jobs WHERE actor = ? AND state IN ('finished', 'lost') ORDER BY id LIMIT ?");
  oldest.bindNoCopy(1, actor);
  oldest.bind(2, static_cast<std::int64_t>(limit));
  std::vector<std::int64_t> rows;
  while (oldest.executeStep()) rows.push_back(oldest.getColumn(0).getInt64());
  return forget(rows);
}

Forgotten JobRows::forget_before(std::int64_t age_s, std::size_t limit) {
  auto& aged =
      prepared("SELECT n FROM jobs WHERE ended_age < ? AND state IN ('finished', 'lost') ORDER BY ended_age LIMIT ?");
  aged.bind(1, age_s);
  aged.bind(2, static_cast<std::int64_t>(limit));
  std::vector<std::int64_t> rows;
  while (aged.executeStep()) rows.push_back(aged.getColumn(0).getInt64());
  return forget(rows);
}

Forgotten JobRows::forget(const std::vector<std::int64_t>& rows) {
  Forgotten gone;
  tombstones_ = count_tombstones() + rows.size();
  for (const auto n : rows) {
    auto& job = prepared("UPDATE jobs SET state = 'forgotten' WHERE n = ? RETURNING actor, bytes, id");
    job.bind(1, n);
    job.executeStep();
    auto& held = gone.held[job.getColumn(0).getString()];
    held.jobs += 1;
    held.bytes += static_cast<std::uint64_t>(job.getColumn(1).getInt64());
    gone.ids.push_back(job.getColumn(2).getString());
    while (job.executeStep()) {
    }
    auto& report = prepared("DELETE FROM reports WHERE n = ?");
    report.bind(1, n);
    report.exec();
    forget_artifacts(n, gone);
  }
  for (const auto& [actor, less] : gone.held) {
    auto& held = prepared("UPDATE held SET jobs = jobs - ?, bytes = bytes - ? WHERE actor = ?");
    held.bind(1, static_cast<std::int64_t>(less.jobs));
    held.bind(2, static_cast<std::int64_t>(less.bytes));
    held.bindNoCopy(3, actor);
    held.exec();
  }
  database_.exec("DELETE FROM held WHERE jobs = 0");
  drop_oldest_tombstones();
  return gone;
}

void JobRows::forget_artifacts(std::int64_t row, Forgotten& into) {
  auto& theirs = prepared("DELETE FROM artifacts WHERE n = ? RETURNING sha256");
  theirs.bind(1, row);
  std::vector<Sha256> contents;
  while (theirs.executeStep()) contents.push_back(digest_of(theirs.getColumn(0)));
  for (const auto& content : contents) {
    if (!has_artifact(content)) into.orphans.push_back(content);
  }
}

// An id and a key outlive their report: what ran once must not run again because its result is gone.
void JobRows::drop_oldest_tombstones() {
  const auto there = count_tombstones();
  if (there <= tombstones_kept) return;
  auto& oldest =
      prepared("DELETE FROM jobs WHERE n IN (SELECT n FROM jobs WHERE state = 'forgotten' ORDER BY n LIMIT ?)");
  oldest.bind(1, static_cast<std::int64_t>(there - tombstones_kept));
  tombstones_ = there - static_cast<std::size_t>(oldest.exec());
}

std::size_t JobRows::count_tombstones() {
  if (!tombstones_) {
    auto& count = prepared("SELECT count(*) FROM jobs WHERE state = 'forgotten'");
    count.executeStep();
    tombstones_ = static_cast<std::size_t>(count.getColumn(0).getInt64());
  }
  return *tombstones_;
}

void JobRows::save(const ClockRow& clock) {
  auto& row = prepared("INSERT OR REPLACE INTO clock (one, boot, boottime_s, wall_s, age_s) VALUES (1, ?, ?, ?, ?)");
  row.bindNoCopy(1, clock.boot);
  row.bind(2, clock.boottime_s);
  row.bind(3, clock.wall_s);
  row.bind(4, clock.age_s);
  row.exec();
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

std::optional<ClockRow> JobRows::clock() {
  auto& row = prepared("SELECT boot, boottime_s, wall_s, age_s FROM clock");
  if (!row.executeStep()) return std::nullopt;
  return ClockRow{row.getColumn(0).getString(), row.getColumn(1).getInt64(), row.getColumn(2).getInt64(),
                  row.getColumn(3).getInt64()};
}

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

std::map<std::string, Held> JobRows::held() {
  auto& rows = prepared("SELECT actor, jobs, bytes FROM held");
  std::map<std::string, Held> out;
  while (rows.executeStep()) {
    out[rows.getColumn(0).getString()] = {static_cast<std::uint64_t>(rows.getColumn(1).getInt64()),
                                          static_cast<std::uint64_t>(rows.getColumn(2).getInt64())};
  }
  return out;
}

}  // namespace cordon
