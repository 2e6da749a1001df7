// Promise (docs/kill-switch.md): no receipt says that nothing lives before the kernel does, also of a job whose own
// launcher process died.
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <set>
#include <thread>

#include "sandbox/kernel/cgroup_events.hpp"
#include "tests/promises/freezer.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// Whose output is nobody's: no pipe tells when it ends.
Json silent(Json job, const std::string& command) {
  job["argv"] = Json::array({"sh", "-c", "exec >/dev/null 2>&1 </dev/null; exec " + command});
  job["limits"] = {{"wall_ms", 120'000}, {"cpu_ms", 120'000}, {"pids", 200}};
  return job;
}

Json sleeper() {
  return silent(Json::object(), "sleep 120");
}

Json engage(const Instance& cordon, const std::string& scope) {
  const auto answer = call(cordon.operator_socket(), {.method = "PUT",
                                                      .target = "/v1/kill/" + scope,
                                                      .body = R"({"reason": "test"})",
                                                      .headers = {"Content-Type: application/json"}});
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json();
}

void release(const Instance& cordon, const std::string& scope) {
  REQUIRE(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/" + scope}).status == 200);
}

std::string started(const Instance& cordon, const Json& job) {
  const auto id = cordon.submit(job).at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  return id;
}

// The per-sandbox launchers: the parents of each sandbox's pid 1.
std::set<pid_t> sandbox_launchers(Instance& cordon) {
  std::set<pid_t> found;
  for (const auto pid : job_processes(cordon.whose())) {
    const auto parent = parent_of(pid);
    if (parent > 0 && parent_of(parent) == cordon.launcher().pid()) found.insert(parent);
  }
  return found;
}

// The cgroup.events of this instance's sandboxes, open: they mean these sandboxes, whoever gets the names later.
std::vector<cordon::Fd> sandboxes(const Instance& cordon) {
  std::vector<cordon::Fd> found;
  for (const auto& cgroup : instance_cgroups(cordon.whose().instance)) {
    const bool is_job = cgroup.find("/jobs/") != std::string::npos;
    if (is_job) found.push_back(cordon::open_cgroup_events(cgroup));
  }
  return found;
}

std::size_t alive(const std::vector<cordon::Fd>& sandboxes) {
  return static_cast<std::size_t>(std::count_if(sandboxes.begin(), sandboxes.end(), cordon::is_populated));
}

}  // namespace

TEST_CASE("sandbox launchers killed while a kill is in flight: the receipt says 0 survivors when the kernel does",
          "[threat:kill-latch][threat:lost-as-success]") {
  Instance cordon;
  constexpr unsigned rounds = 8;
  unsigned lost = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(started(cordon, silent(probe("fork_bomb"), "./fork_bomb")));
    REQUIRE(eventually([&] { return job_processes(cordon.whose()).size() >= 300; }));
    const auto cgroups = sandboxes(cordon);
    const auto launchers = sandbox_launchers(cordon);
    REQUIRE(cgroups.size() == 3);
    REQUIRE(launchers.size() == 3);
    Json receipt;
    std::size_t left = 0;
    std::thread operator_([&] {
      receipt = engage(cordon, "all");
      left = alive(cgroups);
    });
    if (round % 2 == 1) std::this_thread::sleep_for(std::chrono::milliseconds(round));  // some before, some amid it
    for (const auto pid : launchers) ::kill(pid, SIGKILL);
    operator_.join();
    CHECK(receipt.at("survivors") == 0);  // nothing hangs here: within 5 s all of it is gone
    CHECK(left == 0);
    for (const auto& id : ids) lost += cordon.finished(id).at("outcome").at("kind") == "lost" ? 1 : 0;
    release(cordon, "all");
  }
  CHECK(lost > 0);
}

TEST_CASE("a job that is lost and that the kernel does not let go is a survivor in each receipt until it does",
          "[threat:kill-latch][threat:lost-as-success]") {
  Instance cordon;
  Freezer freezer;
  const auto id = started(cordon, sleeper());
  const auto cgroups = sandboxes(cordon);
  const auto launchers = sandbox_launchers(cordon);
  REQUIRE(launchers.size() == 1);
  freezer.freeze(job_processes(cordon.whose()));
  ::kill(*launchers.begin(), SIGKILL);
  const auto during = engage(cordon, "all");
  CHECK(alive(cgroups) == 1);
  CHECK(during.at("survivors") == 1);
  CHECK(during.at("killed").empty());
  CHECK(cordon.finished(id).at("outcome").at("kind") == "lost");
  const auto after = engage(cordon, "all");
  CHECK(after.at("survivors") == 1);
  CHECK(after.at("quarantined") == Json::array({id}));
  freezer.thaw();
  CHECK(eventually([&] { return alive(cgroups) == 0; }));
  const auto at_last = engage(cordon, "all");
  CHECK(at_last.at("survivors") == 0);
  CHECK(at_last.at("quarantined").empty());
}
