#include <catch2/catch.hpp>
#include <iostream>
#include "tests/bite/wall.hpp"
using namespace cordon::bite;
TEST_CASE("explore", "[bite]") {
  const Ground ground;
  const LeavingOut missing(ground.config());
  for (unsigned i = 2; i < static_cast<unsigned>(Step::count); ++i) {
    for (const Steps& more : {Steps{}, Steps{Step::self_probe}, Steps{Step::read_back}}) {
      missing.leave_out(with({static_cast<Step>(i)}, more));
      const auto job = missing.cordon().run(over("core"));
      std::cout << step_names[i]
                << (more.empty()                  ? " "
                    : more[0] == Step::self_probe ? " -probe "
                                                  : " -readback ")
                << job.at("outcome").dump() << "\n";
    }
  }
}
