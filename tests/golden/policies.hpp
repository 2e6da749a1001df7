// The shipped seccomp policies, each once, whatever number of profiles uses it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/seccomp_policy.hpp"
#include "tests/golden/table.hpp"

namespace cordon::test {

std::string read_source(const std::string& path);  // of a file of the source tree; throws when there is none

// "default" for default.seccomp.json. Throws when a shipped profile does not load.
std::map<std::string, SeccompPolicy> shipped_policies();

// ALLOW, KILL_PROCESS or the name of the errno that a program of compile_filter answers.
std::string verdict_name(std::string_view bpf, std::uint32_t number, std::uint32_t audit_arch,
                         const std::array<std::uint64_t, 6>& args);

std::vector<Row> golden_rows(std::string_view bpf);
std::string golden_file(const std::string& policy);  // its path in the source tree

}  // namespace cordon::test
