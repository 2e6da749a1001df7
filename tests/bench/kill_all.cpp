// How long it takes until nothing runs any more: from an operator's request to the receipt that says 0 survivors.
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "tests/bench/client.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/warm.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

namespace {

// A bomb of eight processes needs more than 20 MiB now and then, and would end by itself.
Json small(Json job, int mebibytes = 20) {
  job["limits"] = {{"memory_bytes", mebibytes << 20},
                   {"scratch_bytes", 2 << 20},
                   {"file_bytes", 2 << 20},
                   {"pids", 8},
                   {"cpus", 0.05},
                   {"wall_ms", 300'000}};
  return job;
}

std::vector<std::string> fill(const Instance& cordon, int sandboxes) {
  static const auto bomb = small(cordon::test::probe("fork_bomb"), 32).dump();
  static const auto sleeper = small({{"argv", Json::array({"sleep", "300"})}}).dump();
  Client client(cordon.agent_socket());
  std::vector<std::string> ids;
  for (int i = 0; i < sandboxes; ++i) {
    const auto answer = client.request("POST", "/v1/jobs", i % 10 == 0 ? bomb : sleeper);
    REQUIRE(answer.status == 202);
    ids.push_back(answer.json().at("id"));
  }
  for (const auto& id : ids) {
    REQUIRE(cordon::test::eventually(
        [&] { return !client.request("GET", "/v1/jobs/" + id).json().at("started_at").is_null(); },
        std::chrono::seconds(120)));
  }
  return ids;
}

// One that ended by itself was not killed, and the figure is not what it says.
void expect_all_killed(const Instance& cordon, const std::vector<std::string>& ids, const Json& receipt) {
  REQUIRE(receipt.at("survivors") == 0);
  Client client(cordon.agent_socket());
  for (const auto& id : ids) {
    const auto& killed = receipt.at("killed");
    if (std::find(killed.begin(), killed.end(), id) == killed.end()) FAIL(client.request("GET", "/v1/jobs/" + id).body);
  }
}

// Of as many processes that sleep, without sandboxes: each killed, and all waited for.
void kill_bare(int processes, Samples& samples) {
  std::vector<cordon::test::Process> sleepers;
  for (int i = 0; i < processes; ++i)
    sleepers.emplace_back(std::vector<std::string>{"sleep", "300"}, "/dev/null", false);
  samples.time([&] {
    for (const auto& sleeper : sleepers) sleeper.signal(SIGKILL);
    for (auto& sleeper : sleepers) REQUIRE(sleeper.wait(std::chrono::seconds(10)));
  });
}

// Most of the time goes into filling it again.
int rounds_of(int sandboxes) {
  return sandboxes == 200 ? 30 : sandboxes < 200 ? 20 : 8;
}

}  // namespace

TEST_CASE("kill all") {
  print_heading(
      "Kill-all",
      "`PUT /v1/kill/all` while so many sandboxes run, a tenth of them fork bombs: until the receipt, which says 0 "
      "survivors because the kernel does. Bare: SIGKILL to as many sleeping processes, until all are reaped.");
  const Instance cordon(warm(Json{{"max_running", 600}, {"max_queued", 600}}));
  for (const int sandboxes : {10, 100, 200, 500}) {
    Samples bare, killed;
    for (int round = 0; round < rounds_of(sandboxes); ++round) {
      kill_bare(sandboxes, bare);
      const auto ids = fill(cordon, sandboxes);
      Client client(cordon.operator_socket());
      cordon::test::Answer answer;
      killed.time([&] { answer = client.request("PUT", "/v1/kill/all", R"({"reason": "measured"})"); });
      expect_all_killed(cordon, ids, answer.json());
      REQUIRE(client.request("DELETE", "/v1/kill/all").status == 200);
    }
    print_row(std::to_string(sandboxes) + " processes, bare", bare, bare);
    print_row(std::to_string(sandboxes) + " sandboxes", killed, bare);
    record("kill_all." + std::to_string(sandboxes) + ".p99", killed.quantile(0.99));
  }
}
