// What it costs that a job is on the record (docs/evidence.md): the same job where evidence is kept and where it is
// not.
#include <catch2/catch.hpp>

#include "tests/bench/client.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/warm.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

TEST_CASE("evidence") {
  constexpr int jobs = 1000;
  const auto config = [](const char* evidence) { return Json{{"evidence", evidence}, {"retain", {{"jobs", 100}}}}; };
  const Instance on(warm(config("on"))), off(warm(config("off")));
  Client with(on.agent_socket()), without(off.agent_socket());
  const std::string body = R"({"argv": ["true"], "wait": true})";
  const auto program = bare({"true"});
  Samples bare_program, with_evidence, without_evidence;
  for (int i = 0; i < jobs + 20; ++i) {
    Samples warm_up;
    const bool counts = i >= 20;
    (counts ? bare_program : warm_up).time([&] { run(program); });
    (counts ? without_evidence : warm_up).time([&] { without.run(body); });
    (counts ? with_evidence : warm_up).time([&] { with.run(body); });
  }
  print_heading(
      "What evidence costs",
      "`true` through the API, one client, one after another; an instance of each kind, in turns with the bare "
      "program. With evidence a job's decision is written by the ledger before it starts, and so is the "
      "launcher's word that it does; its outcome is, before it is told.");
  print_row("posix_spawn of `true`, no sandbox", bare_program, bare_program);
  print_row("a job, `evidence: off`", without_evidence, bare_program);
  print_row("a job, `evidence: on`", with_evidence, bare_program);
}
