// What time it is for people, in which grants say when they end. A step of the clock moves it.
#pragma once

#include <chrono>

namespace cordon::egress {

inline std::chrono::sys_seconds today() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace cordon::egress
