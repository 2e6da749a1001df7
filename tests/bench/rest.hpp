// An instance that does nothing any more: what it was asked for is done, cleaned up, and made ahead for the next.
#pragma once

#include "tests/bench/samples.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::bench {

struct Rest {
  test::Counts counts;
  Clock::time_point since;
};

// Once what it holds has stayed the same for half a second. Throws std::runtime_error when that takes a minute.
Rest come_to_rest(const test::Instance& cordon);

}  // namespace cordon::bench
