// Promise (docs/threats: what cannot be killed is set apart): what the kernel does not let go keeps no launcher from
// ending, and none from starting.
#include <catch2/catch.hpp>

#include "sandbox/kernel/cgroup_events.hpp"
#include "tests/promises/freezer.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// cgroup.events of the only sandbox there is, open.
cordon::Fd only_sandbox(const Instance& cordon) {
  for (const auto& cgroup : instance_cgroups(cordon.whose().instance))
    if (cgroup.find("/jobs/") != std::string::npos) return cordon::open_cgroup_events(cgroup);
  FAIL("there is no sandbox");
  return {};
}

bool accepted(const Instance& cordon, std::string& id) {
  const auto answer = cordon.post({{"argv", Json::array({"true"})}});
  if (answer.status == 202) id = answer.json().at("id");
  return answer.status == 202;
}

std::size_t times_told(const Instance& cordon, const std::string& words) {
  const auto log = cordon.logs();
  std::size_t times = 0;
  for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++times;
  return times;
}

}  // namespace

TEST_CASE("a launcher ends and starts beside a sandbox that the kernel does not let go, and names it",
          "[threat:lost-as-success]") {
  Instance cordon;
  Freezer freezer;
  const std::string hangs = "hangs in the kernel";
  const auto hanging = cordon.submit({{"argv", Json::array({"sleep", "120"})}, {"limits", {{"wall_ms", 120'000}}}});
  REQUIRE(eventually([&] { return job_processes(cordon.whose()).size() == 2; }));  // pid 1 and the tool
  const auto sandbox = only_sandbox(cordon);
  freezer.freeze(job_processes(cordon.whose()));
  const auto ended = cordon.launcher().end(std::chrono::seconds(20));
  REQUIRE(ended);
  CHECK(*ended == 0);
  CHECK(times_told(cordon, hangs) == 1);
  cordon.restart_launcher();
  CHECK(times_told(cordon, hangs) == 2);
  CHECK(cordon::is_populated(sandbox));
  std::string next;  // once the launcher has waited for what hangs, and has answered
  REQUIRE(eventually([&] { return accepted(cordon, next); }, std::chrono::seconds(30)));
  const auto job = cordon.finished(next);
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(cordon.finished(hanging.at("id")).at("outcome").at("kind") == "lost");
  CHECK(cordon.get("/v1/info").json().dump().find(R"("jobs.hanging":"1")") != std::string::npos);
  freezer.thaw();
  CHECK(eventually([&] { return !cordon::is_populated(sandbox); }));
}
