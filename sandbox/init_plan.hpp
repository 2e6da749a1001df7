// What the launcher tells cordon-init, and what the two say to each other while a sandbox is built and held. Private to
// sandbox/: neither side trusts a client's byte here, since none crosses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "profiles/codec.hpp"

namespace cordon {

// Descriptors that cordon-init finds open at its start, besides stdin, stdout and stderr of the tool.
enum InitFd : int {
  init_control_fd = 3,  // SEQPACKET: pid 1 and the launcher
  tool_control_fd = 4,  // SEQPACKET: the tool's process, until it executes, and the launcher
  init_plan_fd = 5,
  init_payload_fd = 6,  // the job's, once it is here
  init_limits_fd = 7,   // /proc/sys/user (namespace_limits.hpp)
  init_denials_fd = 8,  // the memory of a DenialTable
  init_library_fd = 9,  // what is preloaded into an interpreter that is started before its job
  init_first_free_fd = 10,
};

struct ResourceLimit {
  std::int32_t resource = 0;  // RLIMIT_*
  std::uint64_t value = 0;    // soft and hard alike
  bool operator==(const ResourceLimit&) const = default;
};

// What the tool's process executes before there is a job, to wait for it and to take it (prestart/prestart.hpp).
struct Interpreter {
  std::vector<std::string> argv;  // none: it is the job that is executed
  std::vector<std::string> env;
  bool operator==(const Interpreter&) const = default;
};

struct InitPlan {
  std::uint32_t init_uid = 0;    // host id of pid 1; the tool cannot signal or trace it
  std::uint32_t inside_uid = 0;  // what the tool sees itself as
  std::vector<ResourceLimit> rlimits;
  std::uint64_t capabilities = 0;      // that the tool keeps in its own user namespace: bit n is capability n
  std::uint32_t landlock_min_abi = 0;  // less than this is a refusal; 0: what the kernel has
  bool writable_image = false;         // the image is below a layer of the job's own
  std::string filter;                  // of the tool: an array of sock_filter (seccomp(2))
  std::string refusals;                // likewise: the errno of each call that `filter` hands to pid 1
  std::string init_filter;             // of pid 1
  Interpreter interpreter;
  bool operator==(const InitPlan&) const = default;
};

wire::Bytes encode(const InitPlan& plan);
std::optional<InitPlan> decode_init_plan(std::string_view bytes);

// From the sandbox to the launcher.
struct UserNamespaceEntered {};  // "write my maps"; the sender's pid rides with it
struct Probed {                  // every right is gone and the probe agrees: "shall I go?"
  std::uint32_t refused = 0;     // forbidden things tried, all refused
  std::uint32_t recorded = 0;    // of these: how many pid 1 must have written down
  std::vector<std::pair<std::string, std::string>> facts;
};
struct JobRead {};           // the job's files are written and its program is known: "shall I go?"
struct InterpreterReady {};  // it waits for the job
struct JobDeclined {         // it cannot do this one as a fresh one would, and has done nothing
  std::string reason;
};
struct DescriptorsLeft {};  // pid 1 lives, and has only its own
struct StepFailed {
  std::string step, object;
  std::int32_t error = 0;
  std::string remedy;
};
struct ToolExecFailed {
  std::string step;
  std::int32_t error = 0;
};
struct ToolEnded {
  std::int32_t status = 0;  // as of waitpid(2)
};
using InitMessage = std::variant<UserNamespaceEntered, Probed, JobRead, StepFailed, ToolExecFailed, ToolEnded,
                                 InterpreterReady, JobDeclined, DescriptorsLeft>;

wire::Bytes encode(const InitMessage& message);
std::optional<InitMessage> decode_init_message(std::string_view bytes);

// From the launcher to the sandbox: one byte. To the tool's process:
inline constexpr std::string_view maps_written = "m";
inline constexpr std::string_view go = "g";
// To pid 1, with the descriptors of the payload and of what the tool shall have as its stdin:
inline constexpr std::string_view job_is_here = "j";
inline constexpr std::size_t job_here_fd_count = 2;
// or, when it is an interpreter that takes the job, with nothing: "keep no descriptor that is not your own"
inline constexpr std::string_view job_for_interpreter = "k";

inline constexpr std::size_t max_init_message = std::size_t{16} * 1024;

}  // namespace cordon
