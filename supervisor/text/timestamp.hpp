// Points in time as people and JSON read them: RFC 3339, UTC, milliseconds.
#pragma once

#include <chrono>
#include <string>

namespace cordon {

using WallTime = std::chrono::system_clock::time_point;

std::string rfc3339(WallTime time);

}  // namespace cordon
