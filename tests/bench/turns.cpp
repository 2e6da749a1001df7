#include "tests/bench/turns.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "tests/bench/figures.hpp"

namespace cordon::bench {
namespace {

constexpr auto settling = std::chrono::milliseconds(100);
constexpr std::size_t least_runs = 3;

void take_turn(Contender& contender, const Turns& turns) {
  contender.run(0);
  const auto runs = std::max(turns.runs / contender.slowness, least_runs);
  for (std::size_t run = 0; run < runs; ++run) {
    std::this_thread::sleep_for(turns.pause);
    contender.samples.time([&] { contender.run(0); });
  }
}

void run_until(Clock::time_point end, const Contender& contender, unsigned lane, Samples& samples,
               std::exception_ptr& failure) {
  try {
    while (Clock::now() < end) samples.time([&] { contender.run(lane); });
  } catch (...) {
    failure = std::current_exception();
  }
}

}  // namespace

void settle() {
  std::this_thread::sleep_for(settling);
}

void take_turns(std::vector<Contender>& contenders, const Turns& turns) {
  for (int turn = 0; turn < turns.turns; ++turn) {
    for (auto& contender : contenders) {
      settle();
      take_turn(contender, turns);
    }
  }
}

void print_contenders(const std::vector<Contender>& contenders, const std::string& figures) {
  for (const auto& contender : contenders) {
    print_row(contender.name, contender.samples, contenders.at(0).samples);
    record(figures + "." + contender.figure + ".p50", contender.samples.median());
    record(figures + "." + contender.figure + ".p99", contender.samples.quantile(0.99));
  }
}

void Load::add(const Load& more) {
  samples.add(more.samples);
  seconds += more.seconds;
}

Load load(const Contender& contender, unsigned lanes, std::chrono::milliseconds time) {
  std::vector<Samples> samples(lanes);
  std::vector<std::exception_ptr> failures(lanes);
  const auto begun = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned lane = 0; lane < lanes; ++lane)
      threads.emplace_back([&, lane] { run_until(begun + time, contender, lane, samples[lane], failures[lane]); });
  }
  Load all;
  all.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  for (unsigned lane = 0; lane < lanes; ++lane) {
    if (failures[lane]) std::rethrow_exception(failures[lane]);
    all.samples.add(samples[lane]);
  }
  return all;
}

}  // namespace cordon::bench
