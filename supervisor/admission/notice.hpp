// Something that operators want to know, as it is logged and told as an event. Pure.
#pragma once

#include <string>

namespace cordon {

struct Notice {
  std::string event;                 // circuit_opened, circuit_closed, admission_held, admission_resumed
  std::string actor, tool, profile;  // of a circuit
  std::string detail;                // which rule and count; which reserve
};

}  // namespace cordon
