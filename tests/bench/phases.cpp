// Where the time of one job goes: its own `timings`, what of the round trip is not in them, and whose processor time it
// is.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/bench/client.hpp"
#include "tests/bench/cpu_time.hpp"
#include "tests/bench/rest.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;
using std::chrono::milliseconds;

namespace {

constexpr const char* timed_true = R"({"argv": ["true"], "timings": true, "wait": true})";

// By the name of the phase, in the order in which they pass.
using Phases = std::vector<std::pair<std::string, Samples>>;

Samples& samples_of(Phases& phases, const std::string& name) {
  for (auto& [known, samples] : phases)
    if (known == name) return samples;
  return phases.emplace_back(name, Samples{}).second;
}

// What a warm sandbox had behind it when the job came is none of the job's time: all up to its "idle".
void add_timings(Phases& phases, const Json& timings, double round_trip, bool was_ready) {
  static const std::vector<std::string> ahead{"cgroup", "clone", "interpreter", "mounts", "self_probe", "read_back"};
  double told = 0;
  for (const auto& [name, time] : timings.items()) {
    const bool is_ahead = name == "idle" || std::find(ahead.begin(), ahead.end(), name) != ahead.end();
    if (was_ready && is_ahead) continue;
    samples_of(phases, name).add(time.get<double>());
    told += time.get<double>();
  }
  samples_of(phases, "HTTP, journal, and between processes").add(round_trip - told);
  samples_of(phases, "the whole round trip").add(round_trip);
}

// Of jobs that found a sandbox ready, or of those that found none.
Phases measure(const Instance& cordon, bool ready, int jobs, milliseconds pause) {
  Client client(cordon.agent_socket());
  Phases phases;
  for (int job = 0; job < jobs; ++job) {
    std::this_thread::sleep_for(pause);
    const auto begun = Clock::now();
    const auto answer = Json::parse(client.request("POST", "/v1/jobs", timed_true).body);
    const auto round_trip = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
    if (answer.at("warm") == ready) add_timings(phases, answer.at("timings"), round_trip, ready);
  }
  return phases;
}

void print_phases(const std::string& how, Phases phases) {
  print_section("Where the time of a job goes: " + how, "`true`, one client: `\"timings\": true` in each job.");
  print_columns({"", "n", "p50 ms", "p95 ms", "p99 ms"});
  const auto of_rest = [](const auto& phase) { return phase.first.find(' ') == std::string::npos; };
  std::stable_partition(phases.begin(), phases.end(), of_rest);
  for (const auto& [name, samples] : phases) {
    const auto cell = [&of = samples](double share) { return fmt::format("{:.2f}", of.quantile(share)); };
    print_cells({name, std::to_string(samples.size()), cell(0.5), cell(0.95), cell(0.99)});
  }
}

struct Spent {
  double daemon, launcher, client, machine;  // milliseconds of processor time
};

Spent spent(Instance& cordon) {
  return {cpu_ms(cordon.daemon().pid()), cpu_ms(cordon.launcher().pid()), own_cpu_ms(), machine_cpu_ms()};
}

}  // namespace

TEST_CASE("phases") {
  const Instance warm_one(warm()), cold_one(cold());
  measure(warm_one, true, 20, milliseconds(0));
  measure(cold_one, false, 20, milliseconds(0));
  print_phases("warm, with 40 ms of quiet before each", measure(warm_one, true, 300, milliseconds(40)));
  print_phases("warm, back to back, those that found one ready", measure(warm_one, true, 1000, milliseconds(0)));
  print_phases("cold, back to back", measure(cold_one, false, 500, milliseconds(0)));
}

TEST_CASE("processor time") {
  constexpr int jobs = 1000;
  print_section("Whose processor time a job is",
                "`true`, one client, back to back, with what was cleaned up and made ahead afterwards. Launcher and "
                "sandboxes: the resident one, its process for each job, cordon-init and the tool.");
  print_columns({"ms a job", "cordond", "launcher and sandboxes", "of these the tool", "the client", "the machine"});
  for (const bool ready : {true, false}) {
    Instance cordon(ready ? warm() : cold());
    Client client(cordon.agent_socket());
    for (int job = 0; job < 20; ++job) client.run(timed_true);
    come_to_rest(cordon);
    const auto before = spent(cordon);
    double tool = 0;
    for (int job = 0; job < jobs; ++job)
      tool += Json::parse(client.request("POST", "/v1/jobs", timed_true).body).at("usage").at("cpu_ms").get<double>();
    come_to_rest(cordon);
    const auto after = spent(cordon);
    const auto cell = [](double total) { return fmt::format("{:.2f}", total / jobs); };
    print_cells({ready ? "a pool as it is shipped" : "cold", cell(after.daemon - before.daemon),
                 cell(after.launcher - before.launcher), cell(tool), cell(after.client - before.client),
                 cell(after.machine - before.machine)});
  }
}
