// Promise (threats.md, "The control socket"): five thousand slow connections, and honest clients keep their latency.
// The long version of slow_clients.
#include <catch2/catch.hpp>

#include "tests/promises/siege.hpp"

TEST_CASE("five thousand slow connections cost an honest client nothing, and cordond a bounded memory",
          "[threat:slow-clients]") {
  cordon::test::besiege({5000, 31});
}
