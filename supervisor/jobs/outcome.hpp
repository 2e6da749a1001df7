// How a job ended, with whose doing it was. Pure: the launcher's facts and our own decision in, one value out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// Why cordond closed a lifeline.
enum class HangUp { no, cancelled, output_limit, killed };

struct OutputLimit {};
struct Cancelled {};
struct Killed {        // by the kill switch
  std::string scope;   // "tenant/NAME"
  std::string by;      // an actor
  std::string reason;  // in the operator's words
};
struct Denied {  // after it was accepted, and before anything of it ran
  std::string by, reason;
};
struct Lost {
  std::string reason;
  bool ambiguous = false;  // a call that cannot be made twice, and may have been made
};
struct InvalidOutput {  // a tool that ended well, and did not answer as its definition says
  FieldErrors errors;
};
using Outcome = std::variant<Exited, ExecFailed, Signalled, TimedOut, OutOfMemory, OutputLimit, Cancelled, Killed,
                             Denied, Lost, SetupFailed, InvalidOutput>;

// Why a lifeline was closed, or a job left the queue.
struct HangUpReason {
  HangUp why = HangUp::no;
  Killed killed = {};  // with HangUp::killed
};

Outcome of_hang_up(const HangUpReason& reason);  // HangUp::no: it was not ours to close
Outcome judge(const Ending& ending, const HangUpReason& reason);

std::string_view kind(const Outcome& outcome);
Json to_json(const Outcome& outcome);
std::string log_text(const Outcome& outcome);  // whatever bytes are in it
std::string signal_name(int signal);           // "SIGKILL"
std::string errno_name(int error);             // "ENOENT"

}  // namespace cordon
