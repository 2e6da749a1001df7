// Contenders that take turns in one run, so that what the machine does meanwhile happens to all of them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/bench/stage.hpp"

namespace cordon::bench {

struct Turns {
  int turns = 0;
  std::size_t runs = 0;                // in each turn, of who is quickest
  std::chrono::milliseconds pause{0};  // before each run
};

// The first run of each turn is not counted: it finds the others' caches. Between two turns it is quiet until what the
// former contender left to the kernel is cleaned up.
void take_turns(std::vector<Contender>& contenders, const Turns& turns);

// Their rows, as multiples of the first one's; and their figures, "`figures`.(contender).p50" and ".p99".
void print_contenders(const std::vector<Contender>& contenders, const std::string& figures);

// What `lanes` of them at once do, each lane one run after another, for `time`. Throws what a run threw.
struct Load {
  Samples samples;
  double seconds = 0;  // until the last run that began in time ended
  double per_second() const { return static_cast<double>(samples.size()) / seconds; }
  void add(const Load& more);
};
Load load(const Contender& contender, unsigned lanes, std::chrono::milliseconds time);

// As long as a contender is given to clean up before the next one's turn.
void settle();

}  // namespace cordon::bench
