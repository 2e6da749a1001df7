// What it costs that a job is written down: journal.durability is "process" (a crash of cordond loses nothing) or
// "power" (neither does a crash of the host). docs/operations.md.
#include <catch2/catch.hpp>

#include "tests/bench/client.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/warm.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

TEST_CASE("durability") {
  constexpr int jobs = 1000;
  const auto config = [](const char* durability) {
    return Json{{"journal", {{"durability", durability}}}, {"retain", {{"jobs", 100}}}};
  };
  const Instance process(warm(config("process"))), power(warm(config("power")));
  Client on_process(process.agent_socket()), on_power(power.agent_socket());
  const std::string body = R"({"argv": ["true"], "wait": true})";
  const auto program = bare({"true"});
  Samples without, with_process, with_power;
  for (int i = 0; i < jobs + 20; ++i) {
    Samples warm_up;
    const bool counts = i >= 20;
    (counts ? without : warm_up).time([&] { run(program); });
    (counts ? with_process : warm_up).time([&] { on_process.run(body); });
    (counts ? with_power : warm_up).time([&] { on_power.run(body); });
  }
  print_heading(
      "What durability costs",
      "`true` through the API, one client, one after another; an instance of each kind, in turns with the bare "
      "program. Each job is written down when it is received and when it has ended, and its answer waits for both.");
  print_row("posix_spawn of `true`, no sandbox", without, without);
  print_row("a job, `durability: process`", with_process, without);
  print_row("a job, `durability: power`", with_power, without);
}
