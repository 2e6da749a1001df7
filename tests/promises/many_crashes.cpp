// The long version of crashes.
#include <catch2/catch.hpp>

#include "tests/promises/crash_storm.hpp"

TEST_CASE("ten thousand jobs under a storm of kills: each job is finished or lost, and none ran twice",
          "[threat:lost-as-success]") {
  cordon::test::storm(10'000);
}
