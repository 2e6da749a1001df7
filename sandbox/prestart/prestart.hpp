// A prestarted interpreter: started in a waiting sandbox before any byte of a job exists, and held at the point where
// it would look at its command line. What whoever starts it must give it, and what the two then say to each other.
//
// Start: the interpreter with `LD_PRELOAD=/proc/self/fd/LIBRARY`, `CORDON_PRESTART=CONTROL:PAYLOAD:LIBRARY`,
// `environment_room()`, and besides these the environment of the profile; cwd is /work. Python: the arguments are its
// name and `argument_room()`, and `CORDON_PRESTART_IMPORTS=json,re` if the profile wants imports. Node: the command
// line of the job, `node main.js`. CONTROL is a connected socket (SEQPACKET), PAYLOAD a memfd, still empty, LIBRARY a
// memfd with cordon-prestart-python.so or -node.so. All three are closed, and the variables gone, before the job's
// first line.
//
// clang-format off
//   interpreter -> Ready            started, waits            or Declined
//   launcher    -> take_job ("j")   the payload (payload.hpp) is in PAYLOAD
//   interpreter -> Prepared         the files are in /work    or Declined: nothing was changed; or Failed
//   launcher    -> go ("g")         it is the job
// clang-format on
//
// It exits after Declined and Failed, and at the end of file on CONTROL. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace cordon::prestart {

inline constexpr const char* descriptors_variable = "CORDON_PRESTART";
inline constexpr const char* imports_variable = "CORDON_PRESTART_IMPORTS";
inline constexpr const char* room_variable = "CORDON_PRESTART_ROOM";

// The payload and the job's stdin together: more is not worth copying.
inline constexpr std::size_t max_input = std::size_t{1} << 20;

// As long as the job's arguments and environment may be (eligible.hpp).
std::string argument_room();
std::string environment_room();  // "NAME=..."

inline constexpr std::string_view take_job = "j";
inline constexpr std::string_view go = "g";

// The first byte of each answer.
enum class AnswerKind : char { ready = 'R', prepared = 'P', declined = 'D', failed = 'F' };

struct Ready {};
struct Prepared {};
struct Declined {  // this interpreter cannot do it exactly as a fresh one would: use a sandbox without
  std::string reason;
};
struct Failed {  // as StepFailed of init_plan.hpp: the job's files could not be written
  std::string step, object;
  std::int32_t error = 0;
};
using Answer = std::variant<Ready, Prepared, Declined, Failed>;

inline constexpr std::size_t max_answer = 8192;  // bytes

std::optional<Answer> decode_answer(std::string_view bytes);

}  // namespace cordon::prestart
