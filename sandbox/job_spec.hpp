// What cordond may say to the launcher: which profile, which image, which limits. Never what to do (architecture.md,
// law 2). A lifeline has two messages in this direction: a Preparation, and, whenever there is a job for it, one
// JobSpec with exactly three sealed memfds: payload, stdin, globs. For a job that nothing was prepared for, both at
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/codec.hpp"
#include "profiles/egress_grant.hpp"
#include "profiles/job_owner.hpp"
#include "profiles/limits.hpp"
#include "profiles/sha256.hpp"

namespace cordon {

// "Build a sandbox as this profile says, up to the job."
struct Preparation {
  Sha256 profile{};
  std::string image;          // 1..64 of [A-Za-z0-9._-]
  std::string prestart = {};  // "python" or "node", if the profile has it: the interpreter that waits in it; "": none
  bool operator==(const Preparation&) const = default;
};

wire::Bytes encode(const Preparation& preparation);
std::optional<Preparation> decode_preparation(std::string_view message);  // nullopt: not exactly one valid message

struct JobSpec {
  std::string id;                // 1..64 of [0-9a-z-]: for logs only
  Limits limits;                 // output_bytes is cordond's affair and is not acted on here
  std::uint64_t generation = 0;  // of the kill switch when cordond decided (latch.hpp); at least 1
  EgressGrants egress = {};      // within what the profile grants; none: no network
  bool survey = false;           // what it left in its scratch space is told (artifact_stream.hpp)
  JobOwner owner = {};           // of its flows' evidence, where there is egress: passed on unread
  bool operator==(const JobSpec&) const = default;
};

// The order of the memfds that ride with a JobSpec.
enum JobFd : unsigned { payload_fd = 0, stdin_fd = 1, globs_fd = 2, job_fd_count = 3 };

wire::Bytes encode(const JobSpec& spec);
std::optional<JobSpec> decode_job_spec(std::string_view message);  // nullopt: not exactly one valid message

// "Are you there, and is everything of a former cordond dead?" Answered with Ready. No fds.
wire::Bytes encode_hello();
bool is_hello(std::string_view message);

inline constexpr std::size_t max_message = std::size_t{64} * 1024;

}  // namespace cordon
