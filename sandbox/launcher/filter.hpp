// A seccomp policy as the BPF program that the kernel will run.
// Runs in: the launcher's compile child, which alone links libseccomp's compiler; what forks holds the finished bytes.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"
#include "profiles/seccomp_policy.hpp"

namespace cordon {

struct CompiledFilter {
  std::string bpf;                         // an array of struct sock_filter
  Sha256 sha256{};                         // of bpf
  std::vector<std::string> unknown_calls;  // names that this libseccomp does not know: no rule was made for them
  std::vector<std::string> narrowed;       // what was made stricter than the file says (comparisons.hpp)
};

// Native architecture only; foreign ones and x32 are killed. Throws KernelError with libseccomp's errno.
CompiledFilter compile_filter(const SeccompPolicy& policy);

}  // namespace cordon
