// How a process ended and what it said: collected until its pipes are closed, within bounds.
#pragma once

#include <sys/types.h>

#include <ostream>
#include <string>

#include "sandbox/kernel/fd.hpp"
#include "tests/prestart/bounds.hpp"

namespace cordon::prestart {

struct Ended {
  int status = 0;  // as of waitpid(2)
  std::string out, err;
  bool ran_away = false;  // it met one of its bounds
  bool operator==(const Ended&) const = default;
};
std::ostream& operator<<(std::ostream& to, const Ended& ended);

struct Outputs {
  Fd out, err;
};

Ended wait_for(pid_t child, Outputs outputs, Bounds& bounds);

// Addresses and pids differ from run to run, and nothing else does.
Ended without_numbers_of_the_run(Ended ended);

}  // namespace cordon::prestart
