// The comparisons of a seccomp rule, made to hold for what the kernel reads. Pure.
// libseccomp compares 64 bits of an argument, but the kernel takes most arguments (socket's family, ioctl's command) as
// 32: 0x100000028 is "not 40" to a filter and 40 to the kernel. So a rule that permits is narrowed until no value
// outside it can reach it by its high bits, and a rule that refuses is widened until none can escape it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/seccomp_policy.hpp"

namespace cordon {

struct Comparisons {
  // One filter rule each, with at most one comparison for each argument; no comparison: the rule holds always.
  // An empty list: it never holds.
  std::vector<std::vector<SeccompArg>> alternatives;
  std::vector<std::string> changes;  // what differs from the file, one line each
};

inline constexpr std::size_t max_alternatives = 4096;

// nullopt: more alternatives than any program has room for.
std::optional<Comparisons> on_what_the_kernel_reads(std::string_view call, const SeccompRule& rule);

// What of all its rules is made stricter than written when a launcher loads them, each line once. As the launcher's log
// has it, but that this also speaks of calls that only other architectures have.
std::vector<std::string> narrowings(const SeccompPolicy& policy);

}  // namespace cordon
