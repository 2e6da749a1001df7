#include "tests/bench/warm.hpp"

namespace cordon::bench {

// The configuration has no word for it yet, and refuses what it does not know.
test::Json cold(test::Json config) {
  return config;
}

test::Json warm(test::Json config, std::optional<unsigned> /*ready*/) {
  return config;
}

std::optional<test::Json> warm_python(unsigned /*ready*/) {
  return std::nullopt;
}

}  // namespace cordon::bench
