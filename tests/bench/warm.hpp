// Whether an instance has sandboxes ready before they are asked for: the one place that knows how it is told to, and
// where it says how that went.
#pragma once

#include <optional>

#include "tests/promises/instance.hpp"

namespace cordon::bench {

// `config` of an instance that makes each sandbox when its job comes.
test::Json cold(test::Json config = test::Json::object());
// `config` of one that holds as many of the default profile ready as it is shipped to, or as are said.
test::Json warm(test::Json config = test::Json::object(), std::optional<unsigned> ready = std::nullopt);
// Likewise, with a started python3 in each.
test::Json warm_python(unsigned ready);

// How many jobs of the default profile found one ready, and how many found none, since cordond started.
struct WarmUse {
  std::uint64_t hits = 0, misses = 0;
  WarmUse operator-(const WarmUse& before) const { return {hits - before.hits, misses - before.misses}; }
};
WarmUse warm_use(const test::Instance& cordon);
std::string told(const WarmUse& use);  // a sentence

}  // namespace cordon::bench
