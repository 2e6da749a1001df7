// Promise (api.md, "Jobs" and "Command line"): operators are told what they should know, as it happens; whoever comes
// back goes on where he was, and a gap is said.
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/sse.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

const Json sleeper{{"argv", Json::array({"sleep", "60"})}};

// Ten sockets of a family that is refused.
const Json refused_ten_times{
    {"argv",
     Json::array({"python3", "-c",
                  "import socket\nfor _ in range(10):\n  try: socket.socket(40, 1, 0)\n  except OSError: pass"})}};

std::vector<Json> events(const Instance& cordon, const std::string& last = "") {
  Call request{.target = "/v1/events?follow=false"};
  if (!last.empty()) request.headers.push_back("Last-Event-ID: " + last);
  const auto answer = call(cordon.operator_socket(), request);
  REQUIRE(answer.status == 200);
  cordon::cli::EventParser parser;
  parser.feed(answer.body);
  std::vector<Json> out;
  while (const auto event = parser.next()) out.push_back(Json::parse(event->data));
  return out;
}

std::vector<Json> of_kind(const Instance& cordon, const std::string& kind) {
  auto all = events(cordon);
  std::erase_if(all, [&](const Json& event) { return event.at("kind") != kind; });
  return all;
}

std::string id_of(const Json& event) {
  return std::to_string(event.at("id").get<std::uint64_t>());
}

// Ends the per-sandbox launcher beneath a running job, whose end is then unknown.
std::string lose_a_job(const Instance& cordon) {
  const auto id = cordon.submit(sleeper).at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  REQUIRE(eventually([&] { return !job_processes(cordon.whose()).empty(); }));
  pid_t keeper = job_processes(cordon.whose()).front();
  while (parent_of(keeper) > 1 && parent_of(keeper) != cordon.whose().launcher) keeper = parent_of(keeper);
  REQUIRE(parent_of(keeper) == cordon.whose().launcher);
  ::kill(keeper, SIGKILL);
  CHECK(cordon.finished(id).at("outcome").at("kind") == "lost");
  return id;
}

std::vector<std::string> watch(const Instance& cordon, std::vector<std::string> words) {
  std::vector<std::string> all{CORDON_BIN_DIR "/cordon", "--runtime-dir", cordon.runtime_dir(), "events"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::istringstream text(read_text(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> kinds_in(const std::string& file) {
  std::vector<std::string> kinds;
  for (const auto& line : lines_of(file)) kinds.push_back(Json::parse(line).at("kind"));
  return kinds;
}

}  // namespace

TEST_CASE("a lost job is told with whose it was, at once and to everybody who watches") {
  const Instance cordon;
  const auto log = cordon.directory() + "/watched";
  Process watcher(watch(cordon, {"--follow", "--json"}), log, false);
  const auto id = lose_a_job(cordon);
  CHECK(eventually([&] {
    const auto kinds = kinds_in(log);
    return std::find(kinds.begin(), kinds.end(), "lost") != kinds.end();
  }));
  const auto lost = of_kind(cordon, "lost");
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].at("severity") == "warning");
  CHECK(lost[0].at("subject") ==
        Json({{"actor", "uid:0"}, {"tenant", "default"}, {"profile", "default"}, {"job", id}}));
  CHECK(!lost[0].at("detail").get<std::string>().empty());
  CHECK(watcher.end(5s) == 0);
}

TEST_CASE("a burst of refusals is told, with whose jobs they were in") {
  const Instance cordon(Json::object({{"denial_burst", {{"count", 5}, {"window_seconds", 60}}}}));
  cordon.run({{"argv", Json::array({"true"})}});
  CHECK(of_kind(cordon, "denial_burst").empty());
  const auto job = cordon.run(refused_ten_times);
  INFO(job.at("denials").dump());
  const auto bursts = of_kind(cordon, "denial_burst");
  REQUIRE(!bursts.empty());
  CHECK(bursts[0].at("subject").at("actor") == "uid:0");
  CHECK(bursts[0].at("detail").get<std::string>().find("seccomp") != std::string::npos);
}

TEST_CASE("a launcher that goes and comes back is told, and what was accepted meanwhile runs then") {
  Instance cordon;
  CHECK(cordon.launcher().end(20s) == 0);
  CHECK(eventually([&] { return !of_kind(cordon, "launcher_lost").empty(); }));
  const std::string id = cordon.submit({{"argv", Json::array({"true"})}}).at("id");
  CHECK(cordon.get("/v1/jobs/" + id).json().at("state") == "queued");
  cordon.restart_launcher();
  CHECK(cordon.finished(id).at("outcome").at("kind") == "exited");
  CHECK(of_kind(cordon, "launcher_back").size() == 1);
  CHECK(of_kind(cordon, "setup_failed").empty());
}

TEST_CASE("whoever was away goes on where he was: after a restart the gap is said, and ids go on") {
  Instance cordon;
  call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"});
  const auto before = events(cordon);
  REQUIRE(before.size() == 2);
  CHECK(events(cordon, id_of(before[0])) == std::vector<Json>{before[1]});
  CHECK(events(cordon, id_of(before[1])).empty());
  CHECK(cordon.daemon().end(20s) == 0);
  cordon.start_daemon();
  const auto after = events(cordon, id_of(before[1]));
  REQUIRE(after.size() == 2);
  CHECK(after[0].at("kind") == "gap");
  CHECK(after[1].at("kind") == "started");
  CHECK(after[1].at("id").get<std::uint64_t>() > before[1].at("id").get<std::uint64_t>());
}

TEST_CASE("a reader that does not read slows nobody, and is told of its gap", "[threat:slow-clients]") {
  const Instance cordon;
  const auto stuck = connect_to(cordon.operator_socket());
  send_all(stuck.get(), "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  // Two kinds of event, so that more than is kept is told within the bound of each.
  const auto reload = [&] { return call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status; };
  for (int i = 0; i < 200; ++i) REQUIRE(reload() == 200);
  const auto told = events(cordon);
  CHECK(told.size() <= 124);
  CHECK(told.back().at("kind") == "suppressed");
  const auto text = receive_all(stuck.get(), 500ms);
  CHECK(text.find("event: suppressed") != std::string::npos);
}

TEST_CASE("the command goes on by itself when cordond is started anew") {
  Instance cordon;
  const auto log = cordon.directory() + "/watched";
  Process watcher(watch(cordon, {"--follow", "--json"}), log, false);
  REQUIRE(eventually([&] { return lines_of(log).size() == 1; }));
  CHECK(cordon.daemon().end(20s) == 0);
  cordon.start_daemon();
  CHECK(eventually([&] { return lines_of(log).size() == 3; }, 20s));
  CHECK(kinds_in(log) == std::vector<std::string>{"started", "gap", "started"});
  CHECK(watcher.end(5s) == 0);
}

TEST_CASE("a hook is called once for each event, in order, and begins where it ended") {
  const Instance cordon;
  const auto seen = cordon.directory() + "/seen", resume = cordon.directory() + "/resume",
             log = cordon.directory() + "/hook.log";
  const auto hook = watch(cordon, {"--resume", resume, "--exec", "--", "sh", "-c", "cat >> \"$0\"", seen});
  {
    Process watcher(hook, log, false);
    call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"});
    REQUIRE(eventually([&] { return lines_of(seen).size() == 2; }));
    // Only what is written down was dealt with: whoever is ended before tells an event again.
    REQUIRE(eventually([&] { return read_text(resume) == id_of(Json::parse(lines_of(seen)[1])) + "\n"; }));
    CHECK(watcher.end(5s) == 0);
  }
  call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"});
  Process again(hook, log, false);
  REQUIRE(eventually([&] { return lines_of(seen).size() == 3; }));
  CHECK(kinds_in(seen) == std::vector<std::string>{"started", "reload", "reload"});
  CHECK(eventually([&] { return read_text(resume) == id_of(Json::parse(lines_of(seen)[2])) + "\n"; }));
  CHECK(again.end(5s) == 0);
}

TEST_CASE("a hook that fails is tried three times, that is said, and the next event is told all the same") {
  const Instance cordon;
  const auto tries = cordon.directory() + "/tries", log = cordon.directory() + "/hook.log";
  Process watcher(watch(cordon, {"--exec", "--timeout", "1", "--", "sh", "-c",
                                 "cat >> \"$0\"; if grep -q reload \"$0\"; then exit 0; fi; sleep 60", tries}),
                  log, false);
  call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"});
  CHECK(eventually([&] { return lines_of(tries).size() == 4; }, 20s));
  CHECK(kinds_in(tries) == std::vector<std::string>{"started", "started", "started", "reload"});
  CHECK(read_text(log).find("took longer than 1 s and was killed; given up") != std::string::npos);
  CHECK(watcher.end(5s) == 0);
}

TEST_CASE("agents are not told", "[threat:peer-identity]") {
  const Instance cordon;
  CHECK(cordon.get("/v1/events").status == 404);
}

TEST_CASE(
    "a rule trips: whoever causes too many refusals is stopped, others are not, and an operator lets him in again") {
  const Instance cordon(Json{{"trip_rules", Json::array({{{"control", "seccomp"},
                                                          {"count", 8},
                                                          {"window_seconds", 60},
                                                          {"scope", "actor"},
                                                          {"reason", "it looks for a way out"}}})}});
  const auto as = [&](unsigned number, const Json& job) {
    Call request{.method = "POST", .target = "/v1/jobs", .body = job.dump()};
    request.headers = {"Content-Type: application/json"};
    request.as = cordon.agent(number);
    return cordon.request(request);
  };
  auto tries = refused_ten_times;
  tries["wait"] = true;
  CHECK(as(1, tries).status == 200);
  const auto stopped = as(1, sleeper);
  CHECK(stopped.status == 403);
  CHECK(stopped.json().at("code") == "kill_switch_engaged");
  CHECK(as(2, {{"argv", {"true"}}, {"wait", true}}).status == 200);
  const auto engaged = call(cordon.operator_socket(), {.target = "/v1/kill"}).json().at("engaged");
  REQUIRE(engaged.size() == 1);
  CHECK(engaged[0].at("by") == "trip_rules");
  CHECK(engaged[0].at("reason") == "it looks for a way out");
  bool told = false;
  for (const auto& event : events(cordon)) told = told || event.at("kind") == "trip";
  CHECK(told);
  const auto scope = engaged[0].at("scope").get<std::string>();
  CHECK(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/" + scope}).status == 200);
  CHECK(as(1, {{"argv", {"true"}}, {"wait", true}}).status == 200);
}
