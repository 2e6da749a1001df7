// Points in time as people and JSON read them: RFC 3339, UTC, milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cordon {

using WallTime = std::chrono::system_clock::time_point;

std::string rfc3339(WallTime time);
std::int64_t unix_us(WallTime time);  // microseconds since 1970

}  // namespace cordon
