// A finished job for a person: how it ended, what it used, what was refused, what it left. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cordon::cli {

using Json = nlohmann::ordered_json;

std::string summary_of(const Json& job);        // several lines
std::string outcome_in_short(const Json& job);  // a table cell: "exited 0", "timed_out wall"; "" while it runs

}  // namespace cordon::cli
