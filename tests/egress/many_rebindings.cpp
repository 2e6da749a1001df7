// The rebindings of tables.cpp at full size.
#include <catch2/catch.hpp>

#include "tests/egress/rebinding.hpp"

TEST_CASE("10,000 rebindings of a granted name lead nowhere but to its public address") {
  cordon::egress_test::rebind(10'000);
}
