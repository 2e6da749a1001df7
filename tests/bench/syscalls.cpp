// What system calls cost inside, beside the same static program outside.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "tests/bench/figures.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/scratch.hpp"
#include "tests/bench/table.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

namespace {

struct Kind {
  std::string key, row;
};
const std::vector<Kind> kinds{{"getppid", "`getppid`, a call that is always allowed"},
                              {"prctl", "`prctl(PR_GET_NAME)`, a call whose arguments the filter looks at"},
                              {"refused", "`setns(-1, 0)`, a call that is refused and recorded"},
                              {"blocks_64k", "scratch: 8 MiB written and read in blocks of 64 KiB, a block"},
                              {"blocks_4k", "scratch: 8 MiB written and read in blocks of 4 KiB, a block"},
                              {"small_files", "scratch: a file of 4 KiB made, read again and removed"},
                              {"ping_pong", "pipes: a byte to another process and back, on one processor"}};

using Costs = std::map<std::string, Samples>;  // nanoseconds

void add(const std::string& lines, Costs& costs) {
  std::istringstream words(lines);
  std::string name;
  for (double ns = 0; words >> name >> ns;) costs[name].add(ns);
}

}  // namespace

TEST_CASE("syscalls") {
  constexpr int rounds = 20;
  const Instance cordon;
  const Scratch scratch;
  const Program program{{CORDON_PROBE_DIR "/syscall_costs", scratch.path()}, "/dev/null", {}};
  const auto job = cordon::test::probe("syscall_costs", {"."});
  Costs outside, inside;
  for (int round = 0; round < rounds; ++round) {
    add(output_of(program), outside);
    const auto done = cordon.run(job);
    INFO(cordon::test::ending_of(done));
    REQUIRE(done.at("outcome") == Json{{"kind", "exited"}, {"code", 0}});
    add(done.at("stdout"), inside);
  }
  print_section(
      "System calls, outside and inside",
      "One static program, outside on a tmpfs and as a job of the default profile; medians of 20 runs in "
      "turns, of each the fastest of five batches, nanoseconds for each. Bare is the same program without a sandbox.");
  print_columns({"", "n", "bare ns", "inside ns", "inside p95 ns", "inside p99 ns", "times bare"});
  for (const auto& kind : kinds) {
    const auto& here = outside.at(kind.key);
    const auto& there = inside.at(kind.key);
    const double ratio = there.median() / here.median();
    print_cells({kind.row, std::to_string(there.size()), fmt::format("{:.0f}", here.median()),
                 fmt::format("{:.0f}", there.median()), fmt::format("{:.0f}", there.quantile(0.95)),
                 fmt::format("{:.0f}", there.quantile(0.99)), fmt::format("{:.2f}", ratio)});
    record("syscalls." + kind.key + ".ratio", ratio);
  }
}
