// Promise (api.md, "Kill switch"; issue "Supervision", 6): what is engaged admits nothing, ends everything, and stays
// engaged; a receipt says 0 survivors only when the kernel does.
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <set>
#include <thread>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

const Json sleeper{{"argv", Json::array({"sleep", "60"})}, {"limits", {{"wall_ms", 60'000}}}};

Answer engage(const Instance& cordon, const std::string& scope, const std::string& reason = "test") {
  return call(cordon.operator_socket(), {.method = "PUT",
                                         .target = "/v1/kill/" + scope,
                                         .body = Json{{"reason", reason}}.dump(),
                                         .headers = {"Content-Type: application/json"}});
}

Answer release(const Instance& cordon, const std::string& scope) {
  return call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/" + scope});
}

std::string running(const Instance& cordon, const Json& job, std::optional<Credentials> as = std::nullopt) {
  const auto answer = cordon.request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .as = std::move(as)});
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  return answer.json().at("id");
}

void await_started(const Instance& cordon, const std::string& id) {
  REQUIRE(eventually(
      [&] { return !call(cordon.operator_socket(), {.target = "/v1/jobs/" + id}).json().at("started_at").is_null(); }));
}

Json job_of(const Instance& cordon, const std::string& id) {
  return call(cordon.operator_socket(), {.target = "/v1/jobs/" + id}).json();
}

// Small, so that hundreds are nothing to this machine.
Json small(Json job) {
  job["limits"] = {
      {"memory_bytes", 20 << 20}, {"scratch_bytes", 2 << 20}, {"file_bytes", 2 << 20}, {"pids", 8}, {"cpus", 0.05},
      {"wall_ms", 60'000}};
  return job;
}

std::set<std::string> names(const Json& ids) {
  return ids.get<std::set<std::string>>();
}

}  // namespace

TEST_CASE("each scope ends what is in it and nothing else, and lets nothing of it in until it is released",
          "[threat:kill-latch]") {
  const Instance cordon;
  const auto actor = "uid:" + std::to_string(cordon.agent(1).uid);
  struct Case {
    std::string scope;
    bool spares_the_other;
  };
  for (const auto& [scope, spares] : {Case{"actor/" + actor, true}, Case{"profile/default", true},
                                      Case{"tenant/default", false}, Case{"all", false}}) {
    INFO(scope);
    auto strict = sleeper;
    strict["profile"] = "strict";
    const auto ours = running(cordon, sleeper, cordon.agent(1));
    const auto other = running(cordon, strict, cordon.agent(2));
    await_started(cordon, ours);
    await_started(cordon, other);
    const auto receipt = engage(cordon, scope).json();
    CHECK(names(receipt.at("killed")) == (spares ? std::set{ours} : std::set{ours, other}));
    CHECK(receipt.at("survivors") == 0);
    CHECK(job_of(cordon, ours).at("outcome").at("scope") == scope);
    CHECK(job_of(cordon, other).at("state") == (spares ? "running" : "finished"));
    CHECK(job_processes(cordon.whose()).size() == (spares ? 2 : 0));
    const auto refused =
        cordon.request({.method = "POST", .target = "/v1/jobs", .body = sleeper.dump(), .as = cordon.agent(1)});
    CHECK(refused.status == 403);
    CHECK(refused.json().at("code") == "kill_switch_engaged");
    CHECK(release(cordon, scope).status == 200);
    call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/jobs/" + other});
  }
  const auto one = running(cordon, sleeper), two = running(cordon, sleeper);
  await_started(cordon, one);
  await_started(cordon, two);
  CHECK(names(engage(cordon, "job/" + one).json().at("killed")) == std::set{one});
  CHECK(job_of(cordon, two).at("state") == "running");
  CHECK(engage(cordon, "tool/any").json().at("killed").empty());
}

TEST_CASE("what is engaged is engaged after cordond ended, however it ended", "[threat:kill-latch]") {
  Instance cordon;
  REQUIRE(engage(cordon, "tenant/default", "before").status == 200);
  cordon.daemon().end(std::chrono::seconds(10));
  cordon.start_daemon();
  CHECK(cordon.post(sleeper).status == 403);
  cordon.daemon().signal(SIGKILL);
  cordon.daemon().wait(std::chrono::seconds(5));
  cordon.start_daemon();
  CHECK(cordon.post(sleeper).status == 403);
  const auto list = call(cordon.operator_socket(), {.target = "/v1/kill"}).json().at("engaged");
  REQUIRE(list.size() == 1);
  CHECK(list[0].at("reason") == "before");
  CHECK(release(cordon, "tenant/default").status == 200);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
}

TEST_CASE("with a state directory that cannot be written it kills all the same, and says that it will not last",
          "[threat:kill-latch]") {
  const Instance cordon;
  const auto state = cordon.directory() + "/state/daemon";
  const auto id = running(cordon, sleeper);
  await_started(cordon, id);
  REQUIRE(::chmod(state.c_str(), 0500) == 0);
  const auto receipt = engage(cordon, "all").json();
  REQUIRE(::chmod(state.c_str(), 0700) == 0);
  CHECK(names(receipt.at("killed")) == std::set{id});
  CHECK(receipt.at("persisted") == false);
  CHECK(receipt.at("not_persisted").get<std::string>().find("kill.json") != std::string::npos);
  CHECK(cordon.post(sleeper).status == 403);
  CHECK(release(cordon, "all").json().at("persisted") == true);
}

TEST_CASE("200 sandboxes, fork bombs among them, are gone when the receipt comes", "[threat:kill-latch]") {
  const Instance cordon;
  const auto before = cordon.counts();
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.insert(running(cordon, small(i % 10 == 0 ? probe("fork_bomb") : sleeper)));
  for (const auto& id : ids) await_started(cordon, id);
  REQUIRE(job_processes(cordon.whose()).size() >= 400);
  const auto answer = engage(cordon, "all");
  CHECK(job_processes(cordon.whose()).empty());
  const auto receipt = answer.json();
  INFO("latency " << receipt.at("latency_ms"));
  CHECK(names(receipt.at("killed")) == ids);
  CHECK(receipt.at("survivors") == 0);
  CHECK(receipt.at("quarantined").empty());
  CHECK(eventually([&] { return cordon.counts().cgroups == before.cgroups; }));
}

namespace {

struct Race {
  std::atomic<int> accepted = 0, refused = 0, otherwise = 0;

  void submit(const Instance& cordon, int jobs) {
    for (int i = 0; i < jobs; ++i) {
      const auto answer = cordon.post(small(sleeper));
      const bool is_refusal = answer.status == 403 && answer.json().at("code") == "kill_switch_engaged";
      ++(answer.status == 202 ? accepted : is_refusal ? refused : otherwise);
    }
  }
};

// Of all jobs there are: those whose tool was executed after `acknowledged`, and those that live.
void expect_nothing_after(const Instance& cordon, const std::string& acknowledged) {
  for (std::string after;;) {
    const auto page = cordon.get("/v1/jobs?limit=1000" + after).json();
    for (const auto& job : page.at("jobs")) {
      CHECK(job.at("state") == "finished");
      CHECK(job.at("outcome").at("kind") == "killed");
      if (!job.at("started_at").is_null()) CHECK(job.at("started_at").get<std::string>() <= acknowledged);
    }
    if (page.at("next").is_null()) break;
    after = "&after=" + page.at("next").get<std::string>();
  }
  CHECK(job_processes(cordon.whose()).empty());
}

std::string utc_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[64];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

}  // namespace

TEST_CASE("of 1,000 submissions that race a kill none is started after its acknowledgement", "[threat:kill-latch]") {
  const Instance cordon;
  Race race;
  constexpr int rounds = 20, threads = 5, jobs = 10;
  for (int round = 0; round < rounds; ++round) {
    const int accepted_before = race.accepted;
    std::vector<std::thread> clients;
    for (int i = 0; i < threads; ++i) clients.emplace_back([&] { race.submit(cordon, jobs); });
    const bool began = eventually([&] { return race.accepted > accepted_before + round; });
    const auto receipt = engage(cordon, round % 2 == 0 ? "all" : "tenant/default").json();
    const auto acknowledged = utc_now();
    for (auto& client : clients) client.join();
    REQUIRE(began);
    CHECK(receipt.at("survivors") == 0);
    expect_nothing_after(cordon, acknowledged);
    release(cordon, round % 2 == 0 ? "all" : "tenant/default");
  }
  CHECK(race.otherwise == 0);
  CHECK(race.accepted + race.refused == rounds * threads * jobs);
  CHECK(race.refused > 0);
}
