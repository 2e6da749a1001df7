// A seccomp policy as the BPF program that the kernel will run.
//
// Two programs of the same shape come out. `bpf` answers every refusal itself, with its errno. `recording` hands
// refusals to pid 1 of the sandbox (SECCOMP_RET_USER_NOTIF), which writes them down and gives the errno that `bpf`
// says; it never lets one continue. A rule of its own that answers ENOSYS ("clone3: glibc then uses clone") is a known
// fallback, not an attempt, and stays unrecorded. Runs in: the launcher's compile child, which alone links libseccomp's
// compiler; what forks holds the finished bytes.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"
#include "profiles/seccomp_policy.hpp"

namespace cordon {

struct CompiledFilter {
  std::string bpf;                         // an array of struct sock_filter
  std::string recording;                   // likewise: what a sandbox loads
  Sha256 sha256{};                         // of recording
  std::vector<std::string> unknown_calls;  // names that this libseccomp does not know: no rule was made for them
  std::vector<std::string> narrowed;  // what was made stricter than the file says (profiles/seccomp_comparisons.hpp)
};

// Native architecture only; foreign ones and x32 are killed. Throws KernelError with libseccomp's errno.
CompiledFilter compile_filter(const SeccompPolicy& policy);

// Names by number, as far as this libseccomp knows them; empty where it knows none.
std::vector<std::string> call_names();

}  // namespace cordon
