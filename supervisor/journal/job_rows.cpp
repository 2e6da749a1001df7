#include "supervisor/journal/job_rows.hpp"

#include <sqlite3.h>

#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/journal/columns.hpp"
#include "supervisor/journal/schema.hpp"

namespace cordon {
namespace {

constexpr int busy_ms = 5000;  // the two connections hardly ever wait for each other

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

}  // namespace cordon
