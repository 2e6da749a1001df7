#include "tests/bench/rest.hpp"

#include <stdexcept>

namespace cordon::bench {

Rest come_to_rest(const test::Instance& cordon) {
  constexpr auto a_while = std::chrono::milliseconds(500);
  Rest rest{cordon.counts(), Clock::now()};
  const auto is_still = [&] {
    const auto counts = cordon.counts();
    const auto now = Clock::now();
    if (!(counts == rest.counts)) rest = {counts, now};
    return now - rest.since > a_while;
  };
  if (!test::eventually(is_still, std::chrono::seconds(60)))
    throw std::runtime_error("the instance does not come to rest");
  return rest;
}

}  // namespace cordon::bench
