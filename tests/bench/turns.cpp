#include "tests/bench/turns.hpp"

#include <thread>

#include "tests/bench/figures.hpp"

namespace cordon::bench {
namespace {

constexpr auto settling = std::chrono::milliseconds(60);

void take_turn(Contender& contender, std::chrono::milliseconds pause) {
  contender.run();
  for (std::size_t run = 0; run < contender.each_turn; ++run) {
    std::this_thread::sleep_for(pause);
    contender.samples.time(contender.run);
  }
}

}  // namespace

void take_turns(std::vector<Contender>& contenders, int turns, std::chrono::milliseconds pause) {
  for (int turn = 0; turn < turns; ++turn) {
    for (auto& contender : contenders) {
      std::this_thread::sleep_for(settling);
      take_turn(contender, pause);
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

}  // namespace cordon::bench
