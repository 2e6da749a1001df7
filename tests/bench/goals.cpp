// What Cordon is meant to reach, beside what the other measurements of this run found.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/bench/figures.hpp"
#include "tests/bench/table.hpp"

using namespace cordon::bench;

namespace {

using Value = std::optional<double>;  // nullopt: not measured

Value ratio(const std::string& of, const std::string& to) {
  const auto above = recorded(of), below = recorded(to);
  if (!above || !below || *below <= 0) return std::nullopt;
  return *above / *below;
}

Value worse(const Value& one, const Value& other) {
  if (!one || !other) return std::nullopt;
  return std::max(*one, *other);
}

struct Goal {
  std::string what;
  bool is_ceiling;
  double bound;
  std::string unit;
  Value value;
};

Goal at_most(double bound, const std::string& what, const Value& value, const std::string& unit = "") {
  return {what, true, bound, unit, value};
}
Goal at_least(double bound, const std::string& what, const Value& value) {
  return {what, false, bound, "", value};
}

std::vector<Goal> of_latency() {
  return {
      at_most(2.0, "`true`, warm / bare posix_spawn, p50", ratio("latency.true.warm.p50", "latency.true.bare.p50")),
      at_most(1.5, "the same, stretched", ratio("latency.true.warm.p50", "latency.true.bare.p50")),
      at_most(4.0, "`true`, warm / bare posix_spawn, p99", ratio("latency.true.warm.p99", "latency.true.bare.p99")),
      at_least(4.0, "bubblewrap / Cordon warm, p50", ratio("latency.true.bubblewrap.p50", "latency.true.warm.p50")),
      at_least(10.0, "crun / Cordon warm, p50", ratio("latency.true.crun.p50", "latency.true.warm.p50")),
      at_most(5.0, "`true`, cold / bare posix_spawn, p50", ratio("latency.true.cold.p50", "latency.true.bare.p50")),
      at_most(0.25, "`python3 -c pass`, warm interpreter / bare, p50",
              ratio("latency.python.warm.p50", "latency.python.bare.p50")),
      at_most(2.0, "`true` with 40 ms pauses, warm / bare, p50", ratio("paused.true.warm.p50", "paused.true.bare.p50")),
      at_most(15.0, "`true` with 40 ms pauses, warm, p99", recorded("paused.true.warm.p99"), "ms")};
}

std::vector<Goal> of_endurance() {
  return {
      at_least(0.25, "a minute's jobs/s, 8 clients / bare posix_spawn",
               ratio("sustained.cordon.per_second", "sustained.bare.per_second")),
      at_least(2.5, "the same / bubblewrap", ratio("sustained.cordon.per_second", "sustained.bubblewrap.per_second")),
      at_least(5.0, "the same / crun", ratio("sustained.cordon.per_second", "sustained.crun.per_second")),
      at_most(1.1, "latency at the millionth job / at the first, p50",
              ratio("journal.million.p50", "journal.first.p50")),
      at_most(1.1, "cordond's memory at the millionth job / at the first", recorded("journal.million.memory")),
      at_most(1.1, "the daemons' memory after a minute of jobs / after half of it",
              worse(recorded("sustained.daemon.growth"), recorded("sustained.launcher.growth")))};
}

std::vector<Goal> of_the_sandbox() {
  return {at_most(1.35, "inside / outside: `getppid`", recorded("syscalls.getppid.ratio")),
          at_most(1.05, "inside / outside: scratch in blocks of 64 KiB", recorded("syscalls.blocks_64k.ratio")),
          at_most(1.05, "inside / outside: scratch in blocks of 4 KiB", recorded("syscalls.blocks_4k.ratio")),
          at_most(1.10, "inside / outside: pipe ping-pong", recorded("syscalls.ping_pong.ratio")),
          at_most(400, "memory of an idle warm sandbox, kernel included", recorded("memory.idle"), "KiB"),
          at_most(12 * 1024, "the same, with a started Python", recorded("memory.idle_python"), "KiB"),
          at_most(100, "kill-all of 200 running sandboxes, p99", recorded("kill_all.200.p99"), "ms")};
}

std::vector<Goal> of_egress() {
  return {
      at_most(0.7, "egress: added to a launch, p50", recorded("egress.launch.added"), "ms"),
      at_most(0.3, "egress: connect and first byte, added to direct, p50, to an address",
              recorded("egress.address.added"), "ms"),
      at_most(0.3, "the same to a name", recorded("egress.name.added"), "ms"),
      at_least(0.7, "egress: one stream down / direct over a line of 25 Gbit/s, p50",
               recorded("egress.down.share_of_25gbit")),
      at_least(0.7, "the same up", recorded("egress.up.share_of_25gbit")),
      at_least(0.7, "egress: one stream down / direct where no line is in between, p50", recorded("egress.down.share")),
      at_least(0.7, "the same up", recorded("egress.up.share")),
      at_most(100, "kill-all of 1,000 sandboxes with a flow each: a flow's reset on the far side, p99",
              recorded("egress.kill.p99"), "ms")};
}

// What a job of `true` cannot go below on the machine, by the table of the floor: the tool behind a pid 1 in namespaces
// that were made ahead, two rows of the journal, and the way there and back between the client, cordond, the ledger
// (twice, of which half beside the journal), the launcher, pid 1 and the tool.
Value floor_of_a_job() {
  const auto prepared = recorded("floor.paused.prepared.p50"), row = recorded("floor.paused.row.p50"),
             hand_over = recorded("floor.paused.hand_over.p50"), bare = recorded("floor.paused.bare.p50");
  if (!prepared || !row || !hand_over || !bare || *bare <= 0) return std::nullopt;
  constexpr double rows = 2, ways = 6;
  return (*prepared + rows * *row + ways * *hand_over) / *bare;
}

void print_goal(const Goal& goal) {
  const auto with_unit = [&](const std::string& number) {
    return goal.unit.empty() ? number : number + " " + goal.unit;
  };
  const auto bound = with_unit(fmt::format("{} {:g}", goal.is_ceiling ? "at most" : "at least", goal.bound));
  if (!goal.value) return print_cells({goal.what, bound, "not measured", "not met"});
  const bool is_met = goal.is_ceiling ? *goal.value <= goal.bound : *goal.value >= goal.bound;
  print_cells({goal.what, bound, with_unit(fmt::format("{:.2f}", *goal.value)), is_met ? "met" : "not met"});
}

}  // namespace

TEST_CASE("goals") {
  print_section(
      "Goals",
      "Computed from the figures of the tables here; p99 is a row's own 99th percentile beside the bare row's.");
  print_columns({"", "goal", "measured", ""});
  for (const auto& goals : {of_latency(), of_endurance(), of_the_sandbox(), of_egress()})
    for (const auto& goal : goals) print_goal(goal);
  if (const auto floor = floor_of_a_job())
    print_remark(fmt::format(
        "The floor of `true` with 40 ms pauses, by its table: {:.1f} times bare, before a byte of HTTP, JSON or "
        "SHA-256. What holds each goal that is not met: tests/bench/README.md.",
        *floor));
}
