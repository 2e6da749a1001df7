// A system-call policy in the Moby/OCI JSON format, as data. Pure: nothing is compiled or resolved here.
// Source: https://github.com/opencontainers/runtime-spec (config-linux.md, "Seccomp"), moby/profiles/seccomp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/field_error.hpp"

namespace cordon {

enum class SeccompVerdict { allow, errno_value, kill_process, kill_thread, trap, log };

inline constexpr std::uint32_t max_errno_value = 4093;  // the kernel's MAX_ERRNO is 4095, its largest errno 530

struct SeccompAction {
  SeccompVerdict verdict = SeccompVerdict::errno_value;
  std::uint32_t errno_value = 1;  // only with errno_value; EPERM is the runtime-spec's default
  bool operator==(const SeccompAction&) const = default;
};

enum class SeccompCompare { ne, lt, le, eq, ge, gt, masked_eq };

struct SeccompArg {
  std::uint32_t index = 0;  // 0..5
  SeccompCompare op = SeccompCompare::eq;
  std::uint64_t value = 0;      // masked_eq: the mask, as in the OCI format
  std::uint64_t value_two = 0;  // masked_eq: the datum
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
  std::vector<std::string> names;
  SeccompAction action;
  std::vector<SeccompArg> args;  // all must hold; if all are on one index they are alternatives (as runc has it)
  std::string why;               // the file's "comment"
};

struct SeccompPolicy {
  SeccompAction default_action;
  std::vector<SeccompRule> rules;     // includes/excludes already applied: x86_64, no capabilities, oldest_kernel
  std::vector<std::string> left_out;  // one line per rule that includes/excludes removed
};

// "minKernel" is judged against the oldest kernel that Cordon runs on, so that one file means one filter everywhere.
struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const KernelVersion&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
};
inline constexpr KernelVersion oldest_kernel{6, 1};

tl::expected<SeccompPolicy, FieldErrors> parse_seccomp_policy(std::string_view json_text);

}  // namespace cordon
