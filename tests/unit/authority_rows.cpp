// What the journal keeps of authority: an approval is used up once, in the transaction that admits the job.
#include <catch2/catch.hpp>

#include "supervisor/journal/authority_rows.hpp"
#include "tests/unit/journal_file.hpp"

using namespace cordon;
using cordon::test::JournalFile;

namespace {

ReceivedRow held(const std::string& id) {
  ReceivedRow row{id, "a", "t", std::nullopt, {}, "{}", "body", 1};
  row.mandate = "mandate";
  return row;
}

}  // namespace

TEST_CASE("an approval is used up once, and not before it was granted", "[governed:replay][threat:replay]") {
  const JournalFile file;
  JobRows rows(file.path, true);
  rows.receive(held("1"));
  CHECK_FALSE(consume_approval(rows, "1"));
  update_mandate(rows, "1", "mandate", "granted");
  CHECK(consume_approval(rows, "1"));
  CHECK_FALSE(consume_approval(rows, "1"));
  CHECK_FALSE(consume_approval(rows, "2"));
  CHECK_THROWS(update_mandate(rows, "2", "mandate", "granted"));
}

TEST_CASE("an approval of a job that was admitted or has ended is good for nothing", "[governed:replay]") {
  const JournalFile file;
  JobRows rows(file.path, true);
  for (const char* id : {"1", "2"}) {
    rows.receive(held(id));
    update_mandate(rows, id, "mandate", "granted");
  }
  rows.step(JobRows::Step::admitted, "1", 2);
  CHECK_FALSE(consume_approval(rows, "1"));
  EndedRow ended;
  ended.id = "2";
  ended.report = "{}";
  ended.events = "[]";
  rows.end(ended);
  CHECK_FALSE(consume_approval(rows, "2"));
}

TEST_CASE("what waits is given back with its mandate, and one that never was leaves none") {
  const JournalFile file;
  JobRows rows(file.path, true);
  rows.receive(held("1"));
  CHECK(rows.unfinished().at(0).mandate == "mandate");
  rows.withdraw("1");
  rows.receive(held("2"));  // in the same place
  CHECK(rows.unfinished().at(0).id == "2");
}

TEST_CASE("grants are kept with their uses, which never go back, and contexts until they are forgotten") {
  const JournalFile file;
  JobRows rows(file.path, true);
  save_grant(rows, {"g", "{}", 0, std::nullopt});
  count_uses(rows, {{"g", 2}, {"none", 1}});
  count_uses(rows, {{"g", 1}});
  CHECK(load_grants(rows).at(0).used == 2);
  save_grant(rows, {"g", "{}", 2, "alice"});
  CHECK(load_grants(rows).at(0).revoked == "alice");
  forget_grants(rows, {"g"});
  CHECK(load_grants(rows).empty());
  save_context(rows, {"a", "", "x"});
  save_context(rows, {"a", "", "y"});
  CHECK(load_contexts(rows).at(0).data == "y");
  forget_context(rows, "a", "");
  CHECK(load_contexts(rows).empty());
}

TEST_CASE("a journal of the first version gets what it lacks, and keeps what it has") {
  const JournalFile file;
  {
    JobRows rows(file.path, true);
    rows.receive(held("1"));
  }
  {
    SQLite::Database database(file.path, SQLite::OPEN_READWRITE);
    database.exec("DROP TABLE mandates; DROP TABLE grants; DROP TABLE contexts; DROP TABLE ambiguous");
    database.exec("PRAGMA user_version = 1");
  }
  JobRows rows(file.path, true);
  CHECK(rows.unfinished().at(0).id == "1");
  rows.receive(held("2"));
  CHECK(load_grants(rows).empty());
}
