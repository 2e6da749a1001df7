// Promise (issue "The main job", must show): after any number of jobs the machine is as it was.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/promises/instance.hpp"
#include "tests/promises/numbered_jobs.hpp"

using namespace cordon::test;

namespace {

// What the first jobs bring into being once and for all (a warm page, a log's descriptor) is not a leak.
void warm_up(const Instance& cordon) {
  for (int i = 0; i < 5; ++i) cordon.run({{"argv", Json::array({"true"})}});
}

}  // namespace

TEST_CASE("a thousand jobs one after the other are reported right and leave nothing", "[threat:leaks]") {
  const Instance cordon;
  warm_up(cordon);
  const auto before = cordon.counts_at_rest();
  int wrong = 0;
  const int jobs = 1000 / slowness();  // in an emulated processor each takes a second
  for (int number = 0; number < jobs; ++number) {
    const auto answer = cordon.post(numbered(number));
    if (answer.status != 200 || !reported_right(answer.json(), number)) {
      ++wrong;
      WARN(answer.body.substr(0, 500));
    }
    if (wrong > 3) break;
  }
  CHECK(wrong == 0);
  CHECK(cordon.counts_settled_at(before) == before);
}

TEST_CASE("two hundred jobs at once are reported right and leave nothing", "[threat:leaks]") {
  const Instance cordon;
  warm_up(cordon);
  const auto before = cordon.counts_at_rest();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> clients;
  for (int number = 0; number < 200; ++number) {
    clients.emplace_back([&cordon, &wrong, number] {
      try {
        const auto answer = cordon.post(numbered(number));
        if (answer.status != 200 || !reported_right(answer.json(), number)) ++wrong;
      } catch (const std::exception&) {
        ++wrong;
      }
    });
  }
  for (auto& client : clients) client.join();
  CHECK(wrong == 0);
  CHECK(cordon.counts_settled_at(before) == before);
}

TEST_CASE("jobs that end badly leave as little as those that end well", "[threat:leaks]") {
  const Instance cordon;
  warm_up(cordon);
  const auto before = cordon.counts_at_rest();
  for (int round = 0; round < 3; ++round) {
    for (auto wish : {probe("leave_children"), probe("stop_itself"), probe("fork_bomb"), probe("memory_bomb"),
                      probe("inode_bomb")}) {
      wish["limits"] = {{"wall_ms", 400},
                        {"pids", 20},
                        {"memory_bytes", 32 << 20},
                        {"scratch_bytes", 8 << 20},
                        {"scratch_inodes", 100}};
      cordon.run(wish);
    }
    const auto id = cordon.submit({{"argv", Json::array({"sleep", "60"})}}).at("id").get<std::string>();
    cordon.remove("/v1/jobs/" + id);
    cordon.run({{"argv", Json::array({"no-such-command"})}});
  }
  CHECK(cordon.counts_settled_at(before) == before);
}
