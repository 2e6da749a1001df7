#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/jobs/retention.hpp"
#include "supervisor/journal/journal.hpp"
#include "supervisor/journal/schema.hpp"
#include "tests/unit/journal_file.hpp"

using namespace cordon;
using cordon::test::JournalFile;
namespace fs = std::filesystem;

namespace {

ReceivedRow received(const std::string& id, const std::string& actor = "a") {
  return {id,           actor, "t", std::nullopt, {}, R"({"before":{"state":"queued"},"between":{},"after":{}})",
          std::nullopt, 1};
}

EndedRow ended(const std::string& id, std::uint64_t bytes = 10, std::int64_t age_s = 0) {
  EndedRow row;
  row.id = id;
  row.report = "{}";
  row.events = "[]";
  row.bytes = bytes;
  row.age_s = age_s;
  return row;
}

void run(JobRows& rows, const std::string& id, std::uint64_t bytes = 10, std::int64_t age_s = 0) {
  rows.receive(received(id));
  rows.end(ended(id, bytes, age_s));
}

}  // namespace

TEST_CASE("what was received and not ended is unfinished, in the order it came, with how far it got") {
  const JournalFile file;
  JobRows rows(file.path, true);
  auto waits = received("9");
  waits.body = "what was asked for";
  waits.key = "k";
  waits.request = sha256("body");
  rows.receive(waits);
  rows.receive(received("1"));
  rows.receive(received("2"));
  rows.receive(received("3"));
  rows.step(JobRows::Step::admitted, "1", 5);
  rows.step(JobRows::Step::started, "1", 6);
  rows.step(JobRows::Step::killing, "1", 7);
  rows.step(JobRows::Step::admitted, "2", 5);
  rows.step(JobRows::Step::admitted, "3", 5);
  rows.end(ended("3"));
  const auto left = rows.unfinished();
  REQUIRE(left.size() == 3);
  CHECK(left[0].id == "9");
  CHECK(left[0].body == "what was asked for");
  CHECK(left[0].key == "k");
  CHECK(left[0].request == sha256("body"));
  CHECK(left[0].received_at_us == 1);
  CHECK(left[1].state == "killing");
  CHECK(left[2].state == "admitted");
  CHECK_FALSE(left[2].body);
}

TEST_CASE("a state never goes back, however late a step comes") {
  const JournalFile file;
  JobRows rows(file.path, true);
  rows.receive(received("1"));
  rows.step(JobRows::Step::started, "1", 5);  // not admitted: it cannot be
  CHECK(rows.unfinished().at(0).state == "received");
  rows.step(JobRows::Step::admitted, "1", 5);
  rows.step(JobRows::Step::killing, "1", 6);
  rows.step(JobRows::Step::started, "1", 7);
  CHECK(rows.unfinished().at(0).state == "killing");
  rows.end(ended("1"));
  rows.step(JobRows::Step::killing, "1", 8);
  CHECK(rows.unfinished().empty());
}

TEST_CASE("two jobs of one actor cannot have one key, whatever the daemon believes") {
  const JournalFile file;
  JobRows rows(file.path, true);
  auto one = received("1"), two = received("2");
  one.key = two.key = "k";
  rows.receive(one);
  CHECK_THROWS_AS(rows.receive(two), SQLite::Exception);
}

TEST_CASE("what is held is counted by actor, and less by what is forgotten") {
  const JournalFile file;
  JobRows rows(file.path, true);
  run(rows, "1", 100);
  run(rows, "2", 20);
  rows.receive(received("3", "b"));
  rows.end(ended("3", 7));
  CHECK(rows.held().at("a").bytes == 120);
  CHECK(rows.held().at("b").jobs == 1);
  const auto gone = rows.forget_oldest("a", 1);
  CHECK(gone.ids == std::vector<std::string>{"1"});
  CHECK(gone.held.at("a").bytes == 100);
  CHECK(rows.held().at("a").bytes == 20);
  rows.forget_oldest("b", 5);
  CHECK_FALSE(rows.held().contains("b"));
  CHECK_FALSE(rows.load("1"));
  CHECK(rows.forgotten_actor("1") == "a");
  CHECK(rows.load("2"));
}

TEST_CASE("jobs are forgotten by the journal's age, the oldest first") {
  const JournalFile file;
  JobRows rows(file.path, true);
  run(rows, "1", 1, 300);
  run(rows, "2", 1, 100);
  run(rows, "3", 1, 200);
  CHECK(rows.forget_before(250, 1).ids == std::vector<std::string>{"2"});
  CHECK(rows.forget_before(250, 9).ids == std::vector<std::string>{"3"});
  CHECK(rows.forget_before(250, 9).ids.empty());
}

TEST_CASE("a content is an orphan when the last job that left it is forgotten") {
  const JournalFile file;
  JobRows rows(file.path, true);
  rows.receive(received("1"));
  rows.receive(received("2"));
  auto one = ended("1"), two = ended("2");
  one.artifacts = {sha256("x"), sha256("y"), sha256("x")};
  two.artifacts = {sha256("x")};
  rows.end(one);
  rows.end(two);
  CHECK(rows.forget_oldest("a", 1).orphans == std::vector<Sha256>{sha256("y")});
  CHECK(rows.has_artifact(sha256("x")));
  CHECK(rows.forget_oldest("a", 1).orphans == std::vector<Sha256>{sha256("x")});
}

TEST_CASE("a page of ended jobs is newest first, of one actor or of all") {
  const JournalFile file;
  JobRows rows(file.path, true);
  for (const auto* id : {"1", "2", "3"}) run(rows, id);
  rows.receive(received("4", "b"));
  rows.end(ended("4"));
  rows.receive(received("5"));
  const auto page = [&](const ListQuery& query) {
    std::string ids;
    for (const auto& job : rows.list(query).jobs) ids += job.id;
    return ids;
  };
  CHECK(page({std::nullopt, "", 9}) == "4321");
  CHECK(page({"a", "", 2}) == "32");
  CHECK(page({"a", "2", 9}) == "1");
}

TEST_CASE("a page of long reports ends early, and says so") {
  const JournalFile file;
  JobRows rows(file.path, true);
  for (const auto* id : {"1", "2", "3", "4"}) {
    rows.receive(received(id));
    auto end = ended(id);
    end.report = std::string(std::size_t{3} << 20, ' ');
    rows.end(end);
  }
  const auto first = rows.list({"a", "", 9});
  CHECK(first.cut);
  CHECK(first.jobs.size() == 2);
  const auto second = rows.list({"a", first.jobs.back().id, 9});
  CHECK(second.jobs.size() == 2);
  CHECK(second.jobs.back().id == "1");
}

TEST_CASE("what cannot be written fails alone, not what was handed over with it") {
  const JournalFile file;
  asio::io_context io;
  std::vector<std::string> failed;
  std::promise<void> begun, go;  // the thread's, to its end
  auto may_go = go.get_future();
  {
    DatabaseThread thread(io.get_executor(), file.path, DatabaseThread::Access::read_write);
    const auto tell = [&failed](const std::string& who) {
      return [&failed, who](const std::exception_ptr& error) {
        if (error) failed.push_back(who);
      };
    };
    thread.post(
        [&](JobRows&) {
          begun.set_value();
          may_go.wait();
        },
        Durability::process, tell("first"));
    begun.get_future().wait();  // from here on, one batch
    auto keyed = received("1");
    keyed.key = "k";
    auto again = received("2");
    again.key = "k";
    thread.post([keyed](JobRows& rows) { rows.receive(keyed); }, Durability::process, tell("1"));
    thread.post([again](JobRows& rows) { rows.receive(again); }, Durability::process, tell("2"));
    thread.post([](JobRows& rows) { rows.receive(received("3")); }, Durability::process, tell("3"));
    go.set_value();
  }
  io.run();
  CHECK(failed == std::vector<std::string>{"2"});
  JobRows rows(file.path, true);
  CHECK(rows.unfinished().size() == 2);
}

TEST_CASE("the journal's age follows the boot's clock, and over a reboot never goes back") {
  const ClockRow saved{"boot", 1000, 50'000, 777};
  CHECK(JournalClock(saved, {"boot", 1010, 999'999}).age({"boot", 1015, 0}) ==
        792);  // the wall clock stepped: no matter
  CHECK(JournalClock(saved, {"other", 5, 50'200}).age({"other", 6, 50'201}) == 978);
  constexpr auto least = 777 + JournalClock::least_over_reboot_s;  // of what was told and not saved
  CHECK(JournalClock(saved, {"other", 5, 50'010}).age({"other", 5, 50'010}) == least);
  CHECK(JournalClock(saved, {"other", 5, 10}).age({"other", 5, 10}) == least);
  const ClockRow nowhere{"", 1000, 50'000, 777};  // without /proc: who knows which boot it was
  CHECK(JournalClock(nowhere, {"", 1010, 50'200}).age({"", 1010, 50'200}) == 977);
  CHECK_FALSE(JournalClock(nowhere, {"", 1010, 50'200}).same_boot());
  CHECK(JournalClock(std::nullopt, {"boot", 5, 10}).age({"boot", 7, 10}) == 2);
}

TEST_CASE("the greediest is who holds the largest share, of jobs or of bytes") {
  Holdings holdings({{"many", {50, 100}}, {"large", {1, 600}}});
  CHECK(holdings.greediest({100, 1000, 0}) == "large");
  CHECK(holdings.greediest({60, 10'000, 0}) == "many");
  CHECK_FALSE(holdings.exceed({51, 700, 0}));
  CHECK(holdings.exceed({50, 700, 0}));
  CHECK(holdings.exceed({51, 699, 0}));
  holdings.subtract({{"large", {1, 600}}});
  CHECK(holdings.greediest({100, 1000, 0}) == "many");
}

TEST_CASE("a lost job's report has the reason, and no exit code") {
  const auto report = Json::parse(
      lost_report(R"({"before":{"state":"running","outcome":null},"between":{},"after":{"finished_at":null}})",
                  Lost{"why"}, WallTime{}));
  CHECK(report["before"]["state"] == "finished");
  CHECK(report["before"]["outcome"] == Json({{"kind", "lost"}, {"reason", "why"}}));
  CHECK(report["after"]["finished_at"].is_string());
}

TEST_CASE("a journal that is damaged, newer, or cannot be written refuses with the step and the remedy") {
  asio::io_context io(1);
  const auto open = [&](const std::string& path) -> std::string {
    try {
      const Journal journal(io.get_executor(), path);
    } catch (const KernelError& e) {
      CHECK(e.step == "open the journal");
      CHECK_FALSE(e.remedy.empty());
      return e.what();
    }
    return "opened";
  };
  const JournalFile damaged, newer, fine;
  std::ofstream(damaged.path) << std::string(8192, 'x');
  CHECK(open(damaged.path).find("not a database") != std::string::npos);
  { SQLite::Database(newer.path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("PRAGMA user_version = 99"); }
  CHECK(open(newer.path).find("newer version") != std::string::npos);
  CHECK(open("/nowhere/journal.db").find("unable to open") != std::string::npos);
  CHECK(open(fine.path) == "opened");
}

TEST_CASE("a torn tail of the journal costs what was being written, and nothing before it") {
  const JournalFile file, torn;
  JobRows rows(file.path, true);
  run(rows, "1");
  const auto whole = fs::file_size(file.path + "-wal");
  rows.begin(true);
  run(rows, "2");
  rows.commit();
  const auto tail = fs::file_size(file.path + "-wal");
  REQUIRE(tail > whole);
  for (const auto cut : {whole, whole + 1, whole + 24, (whole + tail) / 2, tail - 1}) {
    for (const auto* suffix : {"", "-wal"}) {
      fs::copy_file(file.path + suffix, torn.path + suffix, fs::copy_options::overwrite_existing);
    }
    fs::remove(torn.path + "-shm");
    fs::resize_file(torn.path + "-wal", cut);
    JobRows after(torn.path, true);
    CHECK(after.load("1"));
    CHECK_FALSE(after.load("2"));
    SQLite::Database looked_at(torn.path, SQLite::OPEN_READONLY);
    CHECK(looked_at.execAndGet("PRAGMA integrity_check").getString() == "ok");
    run(after, "3");
    CHECK(after.load("3"));
  }
}

TEST_CASE("work that fails leaves nothing of its transaction, and the next is done") {
  const JournalFile file;
  asio::io_context io(1);
  Journal journal(io.get_executor(), file.path);
  const auto wait = [&](awaitable<void> what) {
    auto done = asio::co_spawn(io, std::move(what), asio::use_future);
    io.restart();
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) io.run_one();
    done.get();
  };
  CHECK_THROWS_AS(wait(journal.write(
                      [](JobRows& rows) {
                        rows.receive(received("1"));
                        rows.end(ended("nobody"));
                      },
                      Durability::process)),
                  KernelError);
  CHECK_FALSE(journal.is_well());
  wait(journal.write([](JobRows& rows) { run(rows, "2"); }, Durability::power));
  CHECK(journal.is_well());
  JobRows reader(file.path, false);
  CHECK_FALSE(reader.load("1"));
  CHECK(reader.load("2"));
}
