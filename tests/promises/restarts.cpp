// Promise (decisions.md, "Kill and restart"): what was accepted is never lost silently. After cordond was killed, every
// job is finished or lost with its reason; what waited, waits again; a key never runs twice.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <csignal>

#include <fstream>
#include <thread>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> keyed{"Idempotency-Key: once"};

Json shell(const std::string& script) {
  return {{"argv", Json::array({"sh", "-c", script})}};
}

void kill_and_restart(Instance& cordon) {
  cordon.daemon().signal(SIGKILL);
  REQUIRE(cordon.daemon().wait(10s));
  cordon.start_daemon();
}

Json job(const Instance& cordon, const std::string& id) {
  const auto answer = cordon.get("/v1/jobs/" + id);
  REQUIRE(answer.status == 200);
  return answer.json();
}

}  // namespace

TEST_CASE("a finished job is told as it was after cordond was killed: report, outputs, events and artifacts") {
  Instance cordon;
  auto body = shell("echo out; echo err >&2; printf '\\377' ; echo kept >f");
  body["collect"] = Json::array({"f"});
  body["labels"] = {{"task", "T-1"}};
  const auto before = cordon.run(body);
  const std::string id = before.at("id");
  const auto events = cordon.get("/v1/jobs/" + id + "/events").body;
  kill_and_restart(cordon);
  CHECK(job(cordon, id) == before);
  CHECK(cordon.get("/v1/jobs/" + id + "/stdout").body == "out\n\377");
  CHECK(cordon.get("/v1/jobs/" + id + "/stderr").body == "err\n");
  CHECK(cordon.get("/v1/jobs/" + id + "/artifacts/f").body == "kept\n");
  CHECK(cordon.get("/v1/jobs/" + id + "/events").body == events);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").at(0).at("id") == id);
  auto next = shell("cat g");
  next["files"] = Json::array({{{"path", "g"}, {"artifact", {{"job", id}, {"path", "f"}}}}});
  CHECK(cordon.run(next).at("stdout") == "kept\n");
}

TEST_CASE("a job that ran when cordond was killed is lost, with the reason and without an exit code",
          "[threat:lost-as-success]") {
  Instance cordon;
  const std::string id = cordon.submit(shell("sleep 60")).at("id");
  REQUIRE(eventually([&] { return !job(cordon, id).at("started_at").is_null(); }));
  kill_and_restart(cordon);
  const auto lost = job(cordon, id);
  CHECK(lost.at("state") == "finished");
  CHECK(lost.at("outcome").at("kind") == "lost");
  CHECK_FALSE(lost.at("outcome").contains("code"));
  // The journal may not have had its start yet; then that is what is told.
  CHECK(lost.at("outcome").at("reason").get<std::string>().starts_with("cordond ended while it "));
  CHECK(lost.at("usage").is_null());
  CHECK(lost.at("finished_at").is_string());
}

TEST_CASE("a job ends with the launcher when that is killed, at once, and is lost", "[threat:cgroup-kill]") {
  Instance cordon;
  const std::string id = cordon.submit(shell("echo set up; sleep 300")).at("id");
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == "set up\n"; }));
  cordon.launcher().signal(SIGKILL);
  REQUIRE(cordon.launcher().wait(10s));
  CHECK(eventually([&] { return job_processes(cordon.whose()).empty(); }));
  CHECK(cordon.finished(id).at("outcome").at("kind") == "lost");
  cordon.restart_launcher();
  CHECK(cordon.run(shell("echo again")).at("stdout") == "again\n");
}

TEST_CASE("what waited in the queue waits again and runs, and a client that only waited is told that nothing ran") {
  Instance cordon(Json{{"max_running", 1}});
  const std::string first = cordon.submit(shell("sleep 60")).at("id");
  REQUIRE(cordon.reaches(first, "running"));
  const std::string second = cordon.submit(shell("echo second")).at("id");
  const std::string third = cordon.submit(shell("echo third; date +%s%N")).at("id");
  kill_and_restart(cordon);
  CHECK(cordon.finished(first).at("outcome").at("kind") == "lost");
  CHECK(cordon.finished(second).at("stdout") == "second\n");
  CHECK(cordon.finished(third).at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
}

TEST_CASE("a key runs once: its job is the answer through any number of crashes, lost or not") {
  Instance cordon;
  const auto body = shell("sleep 60");
  const std::string id = cordon.post(body, keyed).json().at("id");
  REQUIRE(cordon.reaches(id, "running"));
  for (int i = 0; i < 3; ++i) {
    kill_and_restart(cordon);
    const auto again = cordon.post(body, keyed);
    CHECK(again.status == 202);
    CHECK(again.json().at("id") == id);
    CHECK(again.json().at("outcome").at("kind") == "lost");
  }
  CHECK(cordon.post(shell("sleep 61"), keyed).status == 409);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").size() == 1);
}

TEST_CASE("cordond killed again and again while jobs run: each is finished or lost, and nothing is left") {
  Instance cordon(Json{{"max_running", 8}});
  cordon.run(shell("true"));
  const auto quiet = cordon.counts_at_rest();
  std::vector<std::string> ids;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i)
      ids.push_back(cordon.submit(shell("sleep 0." + std::to_string(i % 3) + "; exit 7")).at("id"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 40 * round));  // at some moment among them
    kill_and_restart(cordon);
  }
  int finished = 0, lost = 0;
  for (const auto& id : ids) {
    const auto outcome = cordon.finished(id).at("outcome");
    if (outcome.at("kind") == "lost") {
      ++lost;
      CHECK_FALSE(outcome.contains("code"));
    } else {
      ++finished;
      CHECK(outcome == Json({{"kind", "exited"}, {"code", 7}}));
    }
  }
  CHECK(finished + lost == 80);
  CHECK(lost > 0);
  CHECK(finished > 0);
  cordon.run(shell("true"));  // what cordond keeps from its first job on, as before
  CHECK(cordon.counts_settled_at(quiet) == quiet);
}

TEST_CASE("what was used of a budget is known after cordond was killed") {
  Instance cordon(Json{{"admission", {{"actors", {{"*", {{"budgets", {{"jobs", {{"per_day", 3}}}}}}}}}}}});
  for (int i = 0; i < 3; ++i) {
    cordon.run(shell("true"));
    kill_and_restart(cordon);
  }
  const auto refused = cordon.post(shell("true"));
  CHECK(refused.status == 429);
  CHECK(refused.json().at("code") == "budget_exhausted");
  const auto wait = std::stol(refused.headers.at("retry-after"));
  CHECK(wait > 23 * 3600L);
  CHECK(wait <= 24 * 3600L);
}

namespace {

// A small file system of its own for the journal, under a cordond that is not running.
class JournalDisk {
 public:
  explicit JournalDisk(Instance& cordon) : cordon_(cordon), path_(cordon.directory() + "/state/daemon") {
    struct stat owner {};
    REQUIRE(::stat(path_.c_str(), &owner) == 0);
    REQUIRE(cordon_.daemon().end(10s));
    options_ = "size=2m,mode=0700,uid=" + std::to_string(owner.st_uid);
    REQUIRE(::mount("tmpfs", path_.c_str(), "tmpfs", 0, options_.c_str()) == 0);
  }
  ~JournalDisk() {
    cordon_.daemon().end(10s);
    ::umount2(path_.c_str(), MNT_DETACH);
  }
  JournalDisk(const JournalDisk&) = delete;
  JournalDisk& operator=(const JournalDisk&) = delete;

  const std::string& path() const { return path_; }
  void make_read_only(bool read_only) const {
    REQUIRE(::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | (read_only ? MS_RDONLY : 0), options_.c_str()) == 0);
  }

 private:
  Instance& cordon_;
  std::string path_, options_;
};

}  // namespace

TEST_CASE("with a state directory that cannot be written cordond does not start, and says what to do") {
  Instance cordon;
  const JournalDisk disk(cordon);
  disk.make_read_only(true);
  std::string said;
  try {
    cordon.start_daemon();
  } catch (const std::exception& e) {
    said = e.what();
  }
  INFO(said);
  CHECK(said.find(disk.path()) != std::string::npos);
  CHECK(said.find("Read-only file system") != std::string::npos);
  disk.make_read_only(false);
  cordon.start_daemon();
  CHECK(cordon.run(shell("true")).at("outcome").at("code") == 0);
}

TEST_CASE("with no room on the disk a job is refused before anything starts, and accepted when there is room again") {
  Instance cordon;
  const JournalDisk disk(cordon);
  cordon.start_daemon();
  CHECK(cordon.run(shell("true")).at("outcome").at("code") == 0);
  const auto filler = disk.path() + "/filler";
  std::ofstream(filler) << std::string(4 << 20, 'x');  // as far as it goes
  const auto refused = cordon.post(shell("true"));
  CHECK(refused.status == 503);
  CHECK(refused.json().at("code") == "journal_unavailable");
  CHECK(refused.json().at("remedy").get<std::string>().find("Nothing was started") == 0);
  REQUIRE(::unlink(filler.c_str()) == 0);
  CHECK(cordon.run(shell("true")).at("outcome").at("code") == 0);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").size() == 2);
}
