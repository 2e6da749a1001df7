// How latency and throughput go with the number of clients that want something at once.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/bench/table.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using std::chrono::milliseconds;

namespace {

const std::vector<std::string> columns{"",       "clients", "n",     "runs/s", "runs/s, of the bare row's",
                                       "p50 ms", "p95 ms",  "p99 ms"};

void measure(const Stage& stage, unsigned clients) {
  constexpr int turns = 2;
  constexpr milliseconds time(1500);
  const auto contenders = stage.contenders({"true"}, clients);
  std::vector<Load> loads(contenders.size());
  for (int turn = 0; turn < turns; ++turn) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      settle();
      loads[i].add(load(contenders[i], clients, time));
    }
  }
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const auto& samples = loads[i].samples;
    print_cells({contenders[i].name, std::to_string(clients), std::to_string(samples.size()),
                 fmt::format("{:.0f}", loads[i].per_second()),
                 fmt::format("{:.2f}", loads[i].per_second() / loads[0].per_second()),
                 fmt::format("{:.2f}", samples.median()), fmt::format("{:.2f}", samples.quantile(0.95)),
                 fmt::format("{:.2f}", samples.quantile(0.99))});
  }
}

}  // namespace

TEST_CASE("clients") {
  const Stage stage;
  print_section("`true`, by the number of clients",
                "Each client asks for the next run as soon as it has the answer to the last; two turns of 1.5 s each. "
                "Of Cordon each client has a connection of its own.");
  print_columns(columns);
  const auto before = warm_use(stage.shipped());
  for (const unsigned clients : {1U, 2U, 8U, 32U}) measure(stage, clients);
  stage.print_absent_rows(columns.size());
  print_remark(told(warm_use(stage.shipped()) - before));
}
