// What the launcher says back over a lifeline: how the sandbox was built, and how it ended. Facts only; cordond adds
// why it hung up (cancelled, killed, output limit).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "profiles/codec.hpp"
#include "profiles/sha256.hpp"

namespace cordon {

// How it ended, as the launcher saw it.
struct Exited {
  std::uint8_t code = 0;
  bool operator==(const Exited&) const = default;
};
struct ExecFailed {  // code is 127 when there is no such program, 126 otherwise, as a shell has it
  std::uint8_t code = 127;
  std::string step;
  std::int32_t error = 0;
  bool operator==(const ExecFailed&) const = default;
};
struct Signalled {
  std::uint8_t signal = 0;
  bool operator==(const Signalled&) const = default;
};
enum class TimeLimit : std::uint8_t { wall = 0, cpu = 1 };
struct TimedOut {
  TimeLimit limit = TimeLimit::wall;
  bool operator==(const TimedOut&) const = default;
};
struct OutOfMemory {
  bool operator==(const OutOfMemory&) const = default;
};
struct HungUp {
  bool operator==(const HungUp&) const = default;
};                    // the lifeline was closed from the other side
struct SetupFailed {  // ours, not the tool's; nothing of the job ran
  std::string step, object;
  std::int32_t error = 0;
  std::string remedy;
  bool operator==(const SetupFailed&) const = default;
};
struct Vanished {  // pid 1 died of something that was neither the tool nor us: no exit code exists
  std::string reason;
  bool operator==(const Vanished&) const = default;
};
struct Stale {  // the kill switch's generation is another than the JobSpec's; nothing of the job ran
  bool operator==(const Stale&) const = default;
};
struct Stopped {  // by root's stop-all (stop_all.hpp), before it was executed or while it ran
  std::string by, reason;
  bool operator==(const Stopped&) const = default;
};
struct Hanging {  // it was killed, and the kernel does not let it go: its cgroup is not empty, its ids stay out of use
  bool operator==(const Hanging&) const = default;
};
struct Declined {  // by the interpreter that waited in it: the job is for a sandbox without; nothing of it ran
  std::string reason;
  bool operator==(const Declined&) const = default;
};
using Ending = std::variant<Exited, ExecFailed, Signalled, TimedOut, OutOfMemory, HungUp, SetupFailed, Vanished, Stale,
                            Stopped, Hanging, Declined>;

struct Usage {
  std::uint64_t wall_us = 0;
  std::uint64_t cpu_us = 0;
  std::optional<std::uint64_t> memory_peak_bytes;  // nullopt: this kernel does not say
  std::optional<std::uint64_t> pids_peak;          // likewise (pids.peak is Linux 6.10); without pid 1
  std::optional<std::uint64_t> scratch_files;      // at its end more than before the job, its input among them
  std::optional<std::uint64_t> scratch_bytes;      // likewise
  bool operator==(const Usage&) const = default;
};

struct Denial {
  std::string control;                 // pids, network, scratch, …
  std::optional<std::uint64_t> count;  // nullopt: noted, not counted
  std::string detail;
  bool operator==(const Denial&) const = default;
};

using Facts = std::vector<std::pair<std::string, std::string>>;  // in the order they were established

// What rides with Prepared: three ends of pipes, and the sandbox's cgroup.events. With that the kernel can be asked
// what lives when this process no longer answers; before Prepared there is nothing of a client in the cgroup.
enum PreparedFd : unsigned {
  stdout_fd = 0,
  stderr_fd = 1,
  artifacts_fd = 2,
  cgroup_events_fd = 3,
  prepared_fd_count = 4
};

// A sandbox stands and waits for its job: every control that the profile decides was read back and agrees with the
// plan.
struct Prepared {
  Facts enforced;   // control -> what the kernel says
  Sha256 filter{};  // of the loaded BPF
  bool operator==(const Prepared&) const = default;
};

// The tool is about to be executed: so were those that the job decides.
struct Started {
  Facts enforced;
  bool operator==(const Started&) const = default;
};

// populated 0 was reached, collection is over. The last message of a lifeline.
struct Finished {
  Ending ending;
  Usage usage;
  std::vector<Denial> denials;
  std::vector<std::pair<std::string, std::uint64_t>> timings_us;  // phase -> microseconds
  bool operator==(const Finished&) const = default;
};

// The answer to a hello: nothing of a former cordond is alive. With it rides the latch's page (latch.hpp). The
// connection stays open as long as the launcher lives.
inline constexpr std::size_t ready_fd_count = 1;
struct Ready {
  std::string version;
  Facts host;                       // cgroup layout, kernel, …
  std::vector<std::string> images;  // names
  std::vector<std::pair<std::string, Sha256>> profiles;
  bool operator==(const Ready&) const = default;
};

using LauncherMessage = std::variant<Prepared, Started, Finished, Ready>;

wire::Bytes encode(const LauncherMessage& message);
std::optional<LauncherMessage> decode_launcher_message(std::string_view message);

}  // namespace cordon
