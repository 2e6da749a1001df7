// A minute without a pause: whether refilling and cleaning up keep pace, and what is left to do when it ends.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/bench/figures.hpp"
#include "tests/bench/process_memory.hpp"
#include "tests/bench/rest.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using cordon::test::Counts;
using cordon::test::Instance;
using std::chrono::seconds;

namespace {

constexpr unsigned clients = 8;
constexpr seconds half_a_minute(30), a_sixth_of_one(10);

// Network namespaces that the kernel has not freed yet, as far as its allocator knows: "net_namespace" of slabinfo(5).
long net_namespaces() {
  std::istringstream lines(cordon::test::read_text("/proc/slabinfo"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("net_namespace ")) return std::stol(line.substr(14));
  return -1;
}

struct Held {
  Counts counts;
  long net_namespaces;
  double daemon_mib, launcher_mib;
};
Held held(Instance& cordon) {
  return {cordon.counts(), net_namespaces(), resident_mib(cordon.daemon().pid()),
          resident_mib(cordon.launcher().pid())};
}

void print_held(const std::string& when, const Held& held) {
  print_cells({when, std::to_string(held.counts.processes), std::to_string(held.counts.cgroups),
               std::to_string(held.counts.mounts_launcher), std::to_string(held.net_namespaces),
               std::to_string(held.counts.fds_launcher + held.counts.fds_daemon),
               fmt::format("{:.1f}", held.daemon_mib), fmt::format("{:.1f}", held.launcher_mib)});
}

struct Row {
  Contender contender;
  Load load{};
};

// One who runs before and after the minute, so that a machine that grew slower meanwhile is noticed in both.
std::vector<Row> companions(const Stage& stage) {
  std::vector<Row> rows{{stage.bare_program({"true"})}};
  for (const char* name : {"bubblewrap", "crun"})
    if (auto peer = stage.peer(name, {"true"}, clients)) rows.push_back({std::move(*peer)});
  return rows;
}

void print_rate(const Row& row, double bare, const std::string& how) {
  const auto& samples = row.load.samples;
  print_cells({row.contender.name + how, std::to_string(samples.size()), fmt::format("{:.0f}", row.load.per_second()),
               fmt::format("{:.2f}", row.load.per_second() / bare), fmt::format("{:.2f}", samples.median()),
               fmt::format("{:.2f}", samples.quantile(0.95)), fmt::format("{:.2f}", samples.quantile(0.99))});
  record("sustained." + row.contender.figure + ".per_second", row.load.per_second());
}

}  // namespace

TEST_CASE("sustained") {
  Stage stage;
  auto rows = companions(stage);
  for (auto& row : rows) row.load.add(load(row.contender, clients, a_sixth_of_one));

  auto& cordon = stage.shipped();
  Row minute{stage.job({"true"}, clients)};
  minute.contender.figure = "cordon";
  load(minute.contender, clients, seconds(2));  // what the daemons allocate once
  come_to_rest(cordon);
  const auto before = held(cordon);
  const auto use_before = warm_use(cordon);
  minute.load = load(minute.contender, clients, half_a_minute);
  const auto half_way = held(cordon);
  minute.load.add(load(minute.contender, clients, half_a_minute));
  const auto ended = Clock::now();
  const auto at_the_end = held(cordon);
  const auto clean_up = std::chrono::duration<double>(come_to_rest(cordon).since - ended).count();
  const auto after = held(cordon);
  const auto use = warm_use(cordon) - use_before;

  for (auto row = rows.rbegin(); row != rows.rend(); ++row)
    row->load.add(load(row->contender, clients, a_sixth_of_one));
  print_section("A minute without a pause",
                "`true`, 8 clients. Cordon for 60 s; the others for 10 s before it and 10 s after it.");
  print_columns({"", "n", "runs/s", "runs/s, of the bare row's", "p50 ms", "p95 ms", "p99 ms"});
  const double bare = rows.at(0).load.per_second();
  for (const auto& row : rows) print_rate(row, bare, "");
  print_rate(minute, bare, "");
  auto with_clean_up = minute;
  with_clean_up.load.seconds += clean_up;
  with_clean_up.contender.figure = "cordon_clean";
  print_rate(with_clean_up, bare, ", until everything was cleaned up");

  print_remark(told(use));
  print_section("What a minute leaves to do",
                fmt::format("Of the instance above. It was at rest again {:.2f} s after the last answer. Network "
                            "namespaces are those of the whole machine, as far as the kernel's allocator says.",
                            clean_up));
  print_columns({"", "processes", "cgroups", "launcher's mounts", "network namespaces", "open files", "cordond MiB",
                 "launcher MiB"});
  print_held("before", before);
  print_held("half-way", half_way);
  print_held("with the last answer", at_the_end);
  print_held("at rest again", after);
  record("sustained.daemon.growth", after.daemon_mib / half_way.daemon_mib);
  record("sustained.launcher.growth", after.launcher_mib / half_way.launcher_mib);
}
