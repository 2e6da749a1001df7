// How long Cordon is away when cordond was killed with sandboxes running: until a new one serves, with everything of
// the old one dead and told as lost.
#include <catch2/catch.hpp>
#include <csignal>

#include "tests/bench/samples.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

TEST_CASE("recovery") {
  print_heading("From kill -9 to serving",
                "cordond is killed while so many sandboxes run, and started at once: until it serves. Bare: "
                "with none.");
  Instance cordon;
  Samples idle;
  for (const int sandboxes : {0, 50, 200}) {
    Samples restarted;
    for (int round = 0; round < 15; ++round) {
      std::vector<std::string> ids;
      const Json sleeper{{"argv", Json::array({"sleep", "300"})},
                         {"limits", {{"memory_bytes", 20 << 20}, {"scratch_bytes", 2 << 20}, {"wall_ms", 300'000}}}};
      for (int i = 0; i < sandboxes; ++i) ids.push_back(cordon.submit(sleeper).at("id"));
      for (const auto& id : ids) REQUIRE(cordon.reaches(id, "running"));
      REQUIRE(cordon::test::eventually([&] { return job_processes(cordon.whose()).size() >= ids.size() * 2; },
                                       std::chrono::seconds(60)));
      restarted.time([&] {
        cordon.daemon().signal(SIGKILL);
        REQUIRE(cordon.daemon().wait(std::chrono::seconds(10)));
        cordon.start_daemon();
      });
      REQUIRE(job_processes(cordon.whose()).empty());
      for (const auto& id : ids) REQUIRE(cordon.finished(id).at("outcome").at("kind") == "lost");
    }
    if (sandboxes == 0) idle = restarted;
    print_row(std::to_string(sandboxes) + " sandboxes", restarted, idle);
  }
}
