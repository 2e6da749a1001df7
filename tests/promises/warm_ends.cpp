// Promise (supervisor/warm/README.md; docs/operations.md, "Warm sandboxes"): those that wait are replaced when they are
// used, lost or outdated, obey the kill switch, and end with those who hold them; no job fails for any of it.
#include <sys/wait.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/promises/warmth.hpp"

using namespace cordon::test;

namespace {

const Json nothing{{"argv", {"true"}}};
const Json sleeper{{"argv", {"sleep", "60"}}, {"limits", {{"wall_ms", 60000}}}};
const Json exited_well{{"kind", "exited"}, {"code", 0}};

Answer engage(const Instance& cordon, const std::string& scope) {
  return call(cordon.operator_socket(), {.method = "PUT",
                                         .target = "/v1/kill/" + scope,
                                         .body = R"({"reason": "test"})",
                                         .headers = {"Content-Type: application/json"}});
}

void release(const Instance& cordon, const std::string& scope) {
  REQUIRE(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/" + scope}).status == 200);
}

double hits(const Instance& cordon) {
  return sample(cordon, R"(cordon_warm_hits_total{profile="default",prestart="none"})");
}
double misses(const Instance& cordon) {
  return sample(cordon, R"(cordon_warm_misses_total{profile="default",prestart="none"})");
}

bool any_alive(const std::set<pid_t>& pids) {
  for (const auto pid : pids) {
    if (::kill(pid, 0) == 0) return true;
  }
  return false;
}

int command(const Instance& cordon, std::vector<std::string> words) {
  words.insert(words.begin(), {CORDON_BIN_DIR "/cordon", "--runtime-dir", cordon.runtime_dir()});
  Process process(words, cordon.directory() + "/cli.log", false);
  const auto status = process.wait(std::chrono::seconds(60));
  REQUIRE(status);
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

bool nothing_stands(Instance& cordon) {
  return eventually([&] {
    for (const auto& cgroup : instance_cgroups(cordon.whose().instance)) {
      if (cgroup.find("/jobs/") != std::string::npos) return false;
    }
    return job_processes(cordon.whose()).empty();
  });
}

// With this variable in the tools' environment from now on.
void change_profile(const Instance& cordon, const std::string& value) {
  const auto path = cordon.directory() + "/profiles/default.json";
  auto profile = Json::parse(read_text(path), nullptr, true, true);
  profile["env"]["EDITION"] = value;
  std::ofstream(path) << profile.dump();
  REQUIRE(call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status == 200);
}

}  // namespace

TEST_CASE("the pool is filled again behind each job, and says how many found one that stood ready") {
  const Instance cordon(with_warm_sandboxes());
  REQUIRE(await_waiting(cordon));
  CHECK(sample(cordon, R"(cordon_warm_sandboxes{profile="default",prestart="none",state="ready"})") >= warm_min);
  for (int i = 1; i <= 5; ++i) {
    CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
    CHECK(hits(cordon) == i);
    CHECK(await_waiting(cordon));
  }
  CHECK(misses(cordon) == 0);
  constexpr int many = 12;  // at once: more than there can be
  std::vector<std::string> ids;
  for (int i = 0; i < many; ++i) ids.push_back(cordon.submit(sleeper).at("id").get<std::string>());
  for (const auto& id : ids)
    CHECK(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  for (const auto& id : ids) cordon.remove("/v1/jobs/" + id);
  CHECK(misses(cordon) >= 1);
  CHECK(hits(cordon) + misses(cordon) == 5 + many);
  CHECK(await_waiting(cordon));
  CHECK(waiting(cordon) <= warm_max);
  CHECK(job_processes(cordon.whose()).size() >= 2 * warm_min);
}

TEST_CASE("a waiting sandbox that is killed, by its launcher or by its pid 1, costs no job anything",
          "[threat:lost-as-success]") {
  Instance cordon(with_warm_sandboxes());
  for (const auto& victims_of : {sandbox_launchers, first_processes}) {
    REQUIRE(await_waiting(cordon));
    const auto victims = victims_of(cordon);
    REQUIRE(victims.size() >= warm_min);
    for (const auto pid : victims) ::kill(pid, SIGKILL);
    for (std::size_t i = 0; i < warm_max + 1; ++i) CHECK(cordon.run(nothing).at("outcome") == exited_well);
    CHECK(!any_alive(victims));
    CHECK(await_waiting(cordon));
    CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
  }
}

TEST_CASE("a sandbox that dies just as a job is given to it leaves that job to another, and the job runs once",
          "[threat:lost-as-success]") {
  for (const bool by_launcher : {true, false}) {
    INFO((by_launcher ? "its launcher's process" : "its pid 1"));
    Instance cordon(with_warm_sandboxes());
    REQUIRE(await_waiting(cordon));
    const auto launchers = sandbox_launchers(cordon);
    const auto victims = by_launcher ? launchers : first_processes(cordon);
    REQUIRE(launchers.size() == warm_min);
    for (const auto pid : launchers) ::kill(pid, SIGSTOP);  // none reads the order before its sandbox is dead
    const auto id = cordon.submit({{"argv", {"sh", "-c", "echo once"}}, {"timings", true}}).at("id").get<std::string>();
    REQUIRE(eventually([&] { return hits(cordon) == 1; }));
    for (const auto pid : victims) ::kill(pid, SIGKILL);
    for (const auto pid : launchers) ::kill(pid, SIGCONT);
    const auto job = cordon.finished(id);
    INFO(cordon.logs());
    CHECK(job.at("outcome") == exited_well);
    CHECK(job.at("stdout") == "once\n");
    CHECK(job.at("warm") == false);
    if (!by_launcher) CHECK(cordon.logs().find("warm_sandbox_failed") != std::string::npos);
    CHECK(await_waiting(cordon));
  }
}

TEST_CASE("nothing starts from the pool while the kill switch is engaged, and jobs start from it when it is released",
          "[threat:kill-latch]") {
  const Instance cordon(with_warm_sandboxes());
  double expected = 0;
  for (const std::string scope : {"all", "profile/default", "tenant/default"}) {
    INFO(scope);
    REQUIRE(await_waiting(cordon));  // decided about before the switch: their generation is not the job's
    const auto victim = submit_warm(cordon, sleeper);
    REQUIRE(await_waiting(cordon));
    ++expected;
    const auto receipt = engage(cordon, scope).json();
    CHECK(receipt.at("killed") == Json::array({victim}));
    CHECK(receipt.at("survivors") == 0);
    const auto refused = cordon.post(nothing);
    CHECK(refused.status == 403);
    CHECK(refused.json().at("code") == "kill_switch_engaged");
    CHECK(hits(cordon) == expected);
    release(cordon, scope);
    CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
    ++expected;
  }
}

TEST_CASE("of jobs that race a kill none that took a warm sandbox lives after its receipt", "[threat:kill-latch]") {
  const Instance cordon(with_warm_sandboxes());
  for (int round = 0; round < 8; ++round) {
    REQUIRE(await_waiting(cordon));
    std::atomic<int> posted = 0, otherwise = 0;
    std::vector<std::thread> clients;
    for (int client = 0; client < 2; ++client) {
      clients.emplace_back([&] {
        for (int i = 0; i < 6; ++i, ++posted) {
          const auto status = cordon.post(sleeper).status;
          if (status != 202 && status != 403) ++otherwise;
        }
      });
    }
    const bool began = eventually([&] { return posted > round; });
    const auto receipt = engage(cordon, "all").json();
    const auto running = cordon.get("/v1/jobs?state=running").json().at("jobs");
    for (auto& client : clients) client.join();
    CHECK(began);
    CHECK(otherwise == 0);
    CHECK(receipt.at("survivors") == 0);
    CHECK(running.empty());
    CHECK(cordon.get("/v1/jobs?state=running").json().at("jobs").empty());
    release(cordon, "all");
  }
  CHECK(hits(cordon) > 0);
}

TEST_CASE("root's cordon kill --all ends the waiting sandboxes too, and no job starts until it is released",
          "[threat:kill-latch]") {
  Instance cordon(with_warm_sandboxes());
  REQUIRE(await_waiting(cordon));
  const auto before = job_processes(cordon.whose());
  REQUIRE(before.size() >= 2 * warm_min);
  cordon.daemon().signal(SIGSTOP);
  const auto code = command(cordon, {"kill", "--all", "--reason", "emergency"});
  const auto left = job_processes(cordon.whose());
  cordon.daemon().signal(SIGCONT);
  CHECK(code == 0);
  CHECK(left.empty());
  const auto hits_before = hits(cordon);
  for (int i = 0; i < 3; ++i) CHECK(cordon.post(nothing).status == 403);
  CHECK(hits(cordon) == hits_before);
  CHECK(command(cordon, {"release", "--all"}) == 0);
  CHECK(cordon.run(nothing).at("outcome") == exited_well);
  CHECK(await_waiting(cordon));
  CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
}

TEST_CASE("what was prepared for a profile as it was is gone when it has changed, and no job starts in it",
          "[threat:replay]") {
  Instance cordon(with_warm_sandboxes());
  const Json edition{{"argv", {"sh", "-c", "echo $EDITION"}}};
  std::set<std::string> digests{run_warm(cordon, edition).at("profile_sha256").get<std::string>()};
  std::size_t changes = 1;
  for (const std::string value : {"second", "third"}) {
    REQUIRE(await_waiting(cordon));
    const auto outdated = sandbox_launchers(cordon);
    change_profile(cordon, value);
    const auto first = cordon.run(edition);
    CHECK(first.at("stdout") == value + "\n");
    CHECK(run_warm(cordon, edition).at("stdout") == value + "\n");
    digests.insert(first.at("profile_sha256").get<std::string>());
    CHECK(digests.size() == ++changes);
    CHECK(eventually([&] { return !any_alive(outdated); }));
  }
}

TEST_CASE("those that wait end with cordond, however it ends, and stand again with the next one", "[threat:leaks]") {
  Instance cordon(with_warm_sandboxes());
  const auto before = cordon.counts();
  for (const int how : {SIGTERM, SIGKILL}) {
    INFO(how);
    REQUIRE(await_waiting(cordon));
    REQUIRE(!job_processes(cordon.whose()).empty());
    cordon.daemon().signal(how);
    REQUIRE(cordon.daemon().wait(std::chrono::seconds(20)));
    CHECK(nothing_stands(cordon));
    CHECK(eventually([&] { return sandbox_launchers(cordon).empty(); }));
    CHECK(cordon.counts().mounts_launcher == before.mounts_launcher);
    cordon.start_daemon();
  }
  REQUIRE(await_waiting(cordon));  // and with both, asserted when the instance ends
  CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
}

TEST_CASE("those that wait end with the launcher, and the next one makes others", "[threat:leaks]") {
  Instance cordon(with_warm_sandboxes());
  REQUIRE(await_waiting(cordon));
  const auto old = sandbox_launchers(cordon);
  REQUIRE(old.size() >= warm_min);
  cordon.restart_launcher();
  CHECK(eventually([&] { return !any_alive(old); }));
  CHECK(cordon.run(nothing).at("outcome") == exited_well);
  CHECK(await_waiting(cordon));
  CHECK(run_warm(cordon, nothing).at("outcome") == exited_well);
}
