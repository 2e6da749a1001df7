// What one job takes, from asking for it to having its answer, beside the same program without a sandbox and in the
// other sandboxes of Debian.
#include <catch2/catch.hpp>

#include "tests/bench/table.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using std::chrono::milliseconds;

namespace {

struct Tool {
  std::string title, figure;
  Words argv;
  Turns back_to_back, paused;
};

std::vector<Tool> tools() {
  const auto numeric = cordon::test::read_text(CORDON_SOURCE_DIR "/tests/bench/numeric.py");
  constexpr milliseconds pause(40);
  return {{"`true`", "true", {"true"}, {25, 40}, {20, 12, pause}},
          {"`python3 -c pass`", "python", {"python3", "-c", "pass"}, {10, 20}, {4, 12, pause}},
          {"A numeric script of 100 lines", "numeric", {"python3", "-c", numeric}, {8, 12}, {3, 12, pause}},
          {"`node -e ''`", "node", {"node", "-e", ""}, {6, 10}, {3, 10, pause}}};
}

void measure(const Stage& stage, const Tool& tool, const std::string& how, const std::string& figures,
             const Turns& turns) {
  print_heading(tool.title + ", " + how, "Cordon through its API, on one connection, unless the row says otherwise.");
  auto contenders = stage.contenders(tool.argv);
  const auto before = warm_use(stage.shipped());
  take_turns(contenders, turns);
  print_contenders(contenders, figures + "." + tool.figure);
  stage.print_absent_rows(latency_columns);
  print_remark(told(warm_use(stage.shipped()) - before));
}

}  // namespace

TEST_CASE("latency") {
  const Stage stage;
  for (const auto& tool : tools()) measure(stage, tool, "back to back", "latency", tool.back_to_back);
  for (const auto& tool : tools()) measure(stage, tool, "with 40 ms of quiet before each", "paused", tool.paused);
}
