// One operator event as a line for people. What a job could have had a hand in is made safe for a terminal. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cordon::cli {

// "2026-01-31 12:00:00  warning   lost           actor=uid:1000 job=0192…  the launcher closed …"
std::string event_line(const nlohmann::ordered_json& event);

}  // namespace cordon::cli
