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
  REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(eventually([&] { return !job(cordon, id).at("started_at").is_null(); }));
  kill_and_restart(cordon);
  const auto lost = job(cordon, id);
  CHECK(lost.at("state") == "finished");
  CHECK(lost.at("outcome") == Json({{"kind", "lost"}, {"reason", "cordond ended while it ran"}}));
  CHECK(lost.at("usage").is_null());
  CHECK(lost.at("finished_at").is_string());
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
  const auto quiet = cordon.counts_settled_at(cordon.counts());
  std::vector<std::string> ids;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) ids.push_back(cordon.submit(shell("sleep 0.0$((RANDOM % 9)); exit 7")).at("id"));
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
  CHECK(cordon.counts_settled_at(quiet) == quiet);
}

TEST_CASE("with no room on the disk a job is refused before anything starts, and accepted when there is room again") {
  Instance cordon;
  const auto state = cordon.directory() + "/state/daemon";
  struct stat owner {};
  REQUIRE(::stat(state.c_str(), &owner) == 0);
  REQUIRE(cordon.daemon().end(10s));
  const auto options = "size=2m,mode=0700,uid=" + std::to_string(owner.st_uid);
  REQUIRE(::mount("tmpfs", state.c_str(), "tmpfs", 0, options.c_str()) == 0);
  cordon.start_daemon();
  CHECK(cordon.run(shell("true")).at("outcome").at("code") == 0);
  const auto filler = state + "/filler";
  std::ofstream(filler) << std::string(4 << 20, 'x');  // as far as it goes
  const auto refused = cordon.post(shell("true"));
  CHECK(refused.status == 503);
  CHECK(refused.json().at("code") == "journal_unavailable");
  CHECK(refused.json().at("remedy").get<std::string>().find("Nothing was started") == 0);
  REQUIRE(::unlink(filler.c_str()) == 0);
  CHECK(cordon.run(shell("true")).at("outcome").at("code") == 0);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").size() == 2);
  REQUIRE(cordon.daemon().end(10s));
  REQUIRE(::umount2(state.c_str(), MNT_DETACH) == 0);
}
