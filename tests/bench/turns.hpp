// Contenders that take turns in one run, so that what the machine does meanwhile happens to all of them.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/samples.hpp"

namespace cordon::bench {

struct Contender {
  std::string name;    // of its row
  std::string figure;  // what the goals know it by
  std::function<void()> run;
  std::size_t each_turn = 1;  // runs that count; one more before them does not, it finds the others' caches
  Samples samples{};
};

// Between two turns it is quiet until what the former contender left to the kernel is cleaned up; before each run of a
// turn, for `pause`.
void take_turns(std::vector<Contender>& contenders, int turns, std::chrono::milliseconds pause);

// Their rows, as multiples of the first one's; and their figures, "`figures`.(contender).p50" and ".p99".
void print_contenders(const std::vector<Contender>& contenders, const std::string& figures);

}  // namespace cordon::bench
