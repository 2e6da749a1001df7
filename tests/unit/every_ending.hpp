// One of each way in which a sandbox ends, for tests of what carries it.
#pragma once

#include <vector>

#include "sandbox/report.hpp"

namespace cordon::test {

inline std::vector<Ending> every_ending() {
  return {Exited{3},
          ExecFailed{127, "exec", 2},
          Signalled{11},
          TimedOut{TimeLimit::cpu},
          OutOfMemory{},
          HungUp{},
          SetupFailed{"mount", "/dev", 1, "do this"},
          Vanished{"killed"},
          Stale{},
          Stopped{"uid:0", "why"},
          Hanging{},
          Declined{"why"}};
}

}  // namespace cordon::test
