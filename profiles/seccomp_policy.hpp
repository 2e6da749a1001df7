// A system-call policy in the Moby/OCI JSON format, as data. Pure: nothing is compiled or resolved here.
// Source: https://github.com/opencontainers/runtime-spec (config-linux.md, "Seccomp"), moby/profiles/seccomp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/field_error.hpp"

namespace cordon {

enum class SeccompVerdict { allow, errno_value, kill_process, kill_thread, trap, log };

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
  std::vector<SeccompArg> args;  // all must hold, except that two on one index are alternatives (as runc does)
  std::string why;               // the file's "comment"
};

struct SeccompPolicy {
  SeccompAction default_action;
  std::vector<SeccompRule> rules;     // includes/excludes already applied for a job without capabilities on x86_64
  std::vector<std::string> left_out;  // one line per rule that includes/excludes removed
};

tl::expected<SeccompPolicy, FieldErrors> parse_seccomp_policy(std::string_view json_text);

}  // namespace cordon
