// How a job's outcome becomes this command's exit code and, when the tool did not simply exit, one line for a person.
// Source: api.md, "Command line". Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cordon::cli {

using Json = nlohmann::ordered_json;

inline constexpr int exit_timed_out = 124;
inline constexpr int exit_cordon_failed = 125;  // Cordon's own failure, a refusal, or a lost job
inline constexpr int exit_signal_base = 128;
inline constexpr int exit_cancelled = 130;
inline constexpr int exit_killed = 137;
inline constexpr int exit_output_limit = 153;

int exit_code_of(const Json& outcome);

// Empty when the tool ran and exited. Never holds a control character.
std::string reason_of(const Json& outcome);

}  // namespace cordon::cli
