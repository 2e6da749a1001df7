// Something that operators want to know, as it is logged and told as an event. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cordon {

struct Notice {
  std::string event;  // circuit_opened, circuit_closed, admission_held, admission_resumed
  std::vector<std::pair<std::string, std::string>> fields;
};

}  // namespace cordon
