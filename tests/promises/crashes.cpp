// Promise (issue "Supervision"): whatever is killed at whatever moment, what was accepted is finished or lost, no key
// runs twice, no exit code is invented, and nothing is left.
#include <catch2/catch.hpp>

#include "tests/promises/crash_storm.hpp"

TEST_CASE("cordond, the launcher and its sandboxes killed at random: each job is finished or lost, and none ran twice",
          "[threat:lost-as-success]") {
  cordon::test::storm(400);
}
