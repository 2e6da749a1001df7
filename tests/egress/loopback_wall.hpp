// The least that cordon-egress takes for a wall behind it: its user reaches loopback no more. All else passes, so that
// what the far side does not see was cordon-egress's own decision. The real wall is tested end to end.
#pragma once

#include <cstdint>

#include "tests/egress/world.hpp"

namespace cordon::egress_test {

void raise_wall(const World& world, std::uint32_t uid);
void remove_wall(const World& world);

}  // namespace cordon::egress_test
