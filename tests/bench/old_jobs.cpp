#include "tests/bench/old_jobs.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <stdexcept>

namespace cordon::bench {
namespace {

// One millisecond before each other, the newest one a second before the job they are copies of: UUIDv7, as JobIds has
// it.
constexpr const char* copy_jobs = R"(
WITH RECURSIVE k (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM k WHERE v < ?1)
INSERT INTO jobs (n, id, actor, tenant, state, received_at, admitted_at, started_at, ended_at, collected_at, ended_age, bytes)
SELECT v, substr(format('%012x', at), 1, 8) || '-' || substr(format('%012x', at), 9) || format('-7000-8000-%012x', v),
       actor, tenant, state, at * 1000, at * 1000, at * 1000, at * 1000, at * 1000, ended_age, bytes
FROM (SELECT v, one.*, one.received_at / 1000 - 1000 - ?1 + v AS at FROM k, the_one AS one))";

constexpr const char* copy_reports = R"(
INSERT INTO reports (n, report, events, stdout, stderr)
SELECT jobs.n, replace(one.report, (SELECT id FROM the_one), jobs.id), one.events, one.stdout, one.stderr
FROM jobs, the_report AS one)";

void copy_the_one(const std::string& journal, std::int64_t jobs) {
  SQLite::Database database(journal, SQLite::OPEN_READWRITE);
  // Nobody else has it open, and it is thrown away when this fails: no log of what is written.
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  SQLite::Transaction transaction(database);
  database.exec(
      "CREATE TEMP TABLE the_one AS SELECT * FROM jobs WHERE state = 'finished' ORDER BY n DESC LIMIT 1;"
      "CREATE TEMP TABLE the_report AS SELECT * FROM reports WHERE n = (SELECT n FROM the_one);"
      "DELETE FROM reports; DELETE FROM jobs");
  SQLite::Statement copies(database, copy_jobs);
  copies.bind(1, jobs);
  copies.exec();
  database.exec(copy_reports);
  database.exec("UPDATE held SET (jobs, bytes) = (SELECT count(*), sum(bytes) FROM jobs)");
  transaction.commit();
}

}  // namespace

test::Json keep_all() {
  constexpr std::uint64_t plenty = std::uint64_t{1} << 40;
  return {{"retain", {{"jobs", 5'000'000}, {"bytes", plenty}}}};
}

void fill_journal(test::Instance& cordon, std::int64_t jobs) {
  cordon.run({{"argv", test::Json::array({"true"})}});
  if (cordon.daemon().end(std::chrono::seconds(20)) != 0) throw std::runtime_error("cordond did not end in order");
  copy_the_one(cordon.directory() + "/state/daemon/journal.db", jobs);
  cordon.start_daemon();
}

}  // namespace cordon::bench
