// How a job ended, with whose doing it was. Pure: the launcher's facts and our own decision in, one value out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "profiles/strict_json.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// Why cordond closed a lifeline.
enum class HangUp { no, cancelled, output_limit };

struct OutputLimit {};
struct Cancelled {};
struct Denied {  // after it was accepted, and before anything of it ran
  std::string by, reason;
};
struct Lost {
  std::string reason;
};
using Outcome = std::variant<Exited, ExecFailed, Signalled, TimedOut, OutOfMemory, OutputLimit, Cancelled, Denied, Lost,
                             SetupFailed>;

Outcome judge(const Ending& ending, HangUp why);

std::string_view kind(const Outcome& outcome);
Json to_json(const Outcome& outcome);
std::string signal_name(int signal);  // "SIGKILL"
std::string errno_name(int error);    // "ENOENT"

}  // namespace cordon
