// Whether a job costs more when a million came before it.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <sstream>

#include "tests/bench/client.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/old_jobs.hpp"
#include "tests/bench/process_memory.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/rest.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

namespace {

// An instance with so many jobs in its journal, and what was seen of it.
struct Aged {
  Aged(std::string how_many, std::int64_t count) : size(std::move(how_many)), cordon(warm(keep_all())) {
    if (count > 0) fill_journal(cordon, count);
    come_to_rest(cordon);
    client = std::make_unique<Client>(cordon.agent_socket());
    const auto list = client->request("GET", "/v1/jobs?limit=100").json().at("jobs");
    REQUIRE(list.size() == static_cast<std::size_t>(std::min<std::int64_t>(count, 100)));
    for (const auto& job : list) some.push_back(job.at("id"));
    mib_before = resident_mib(cordon.daemon().pid());
  }

  void take_turn(bool counts) {
    Samples warm_up;
    (counts ? ran : warm_up).time([&] { client->run(body); });
    const auto seen = counts ? looks.size() : 0;
    if (some.empty()) return;
    (counts ? looks : warm_up).time([&] {
      REQUIRE(client->request("GET", "/v1/jobs/" + some[seen % some.size()]).status == 200);
    });
    (counts ? lists : warm_up).time([&] { REQUIRE(client->request("GET", "/v1/jobs?limit=20").status == 200); });
  }
  void restart() {
    client.reset();
    starts.time([&] {
      REQUIRE(cordon.daemon().end(std::chrono::seconds(20)) == 0);
      cordon.start_daemon();
    });
    client = std::make_unique<Client>(cordon.agent_socket());
  }

  inline static const std::string body = R"({"argv": ["true"], "wait": true})";
  std::string size;
  Instance cordon;
  std::unique_ptr<Client> client;
  std::vector<std::string> some;
  double mib_before = 0, mib_after = 0;
  Samples ran, looks, lists, starts;
};

}  // namespace

TEST_CASE("journal size") {
  constexpr int turns = 300, restarts = 10;
  const auto program = bare({"true"});
  Samples without;
  Aged fresh("none", 0), some("1,000", 1000), many("1,000,000", 1'000'000);
  const std::vector<Aged*> all{&fresh, &some, &many};
  for (int turn = 0; turn < turns + 10; ++turn) {
    const bool counts = turn >= 10;
    if (counts) without.time([&] { run(program); });
    for (auto* aged : all) aged->take_turn(counts);
  }
  for (auto* aged : all) aged->mib_after = resident_mib(aged->cordon.daemon().pid());
  for (int round = 0; round < restarts; ++round)
    for (auto* aged : all) aged->restart();

  print_heading(
      "After a million jobs",
      "`true` through the API, one client; three instances in turns, whose journals have so many finished jobs "
      "that are all kept. They are copies of one that ran: the same report with ids and times of their own.");
  print_row("posix_spawn of `true`, no sandbox", without, without);
  for (const auto* aged : all) print_row("a job; before it " + aged->size, aged->ran, without);
  for (const auto* aged : {&some, &many}) print_row("a report is read; of " + aged->size, aged->looks, without);
  for (const auto* aged : {&some, &many}) print_row("20 are listed; of " + aged->size, aged->lists, without);
  for (const auto* aged : all) print_row("cordond ends and starts; with " + aged->size, aged->starts, without);

  print_section("Memory of cordond after a million jobs", "Resident, MiB; at its start, and after the jobs above.");
  print_columns({"jobs in the journal", "at its start", "now"});
  for (const auto* aged : all) {
    print_cells({aged->size, fmt::format("{:.1f}", aged->mib_before), fmt::format("{:.1f}", aged->mib_after)});
  }
  record("journal.first.p50", fresh.ran.median());
  record("journal.million.p50", many.ran.median());
  record("journal.million.memory", many.mib_after / fresh.mib_after);
}
