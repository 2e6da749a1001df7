// What a seccomp program says about one system call, found by running it in user space (seccomp(2), linux/filter.h).
// Pure: the compiled policy's own answer, for pid 1 that repeats it and for tests that ask for deadly ones.
#pragma once

#include <cstdint>
#include <string_view>

struct seccomp_data;

namespace cordon {

struct BpfVerdict {
  std::uint32_t action = 0;   // SECCOMP_RET_* with its data
  std::uint8_t examined = 0;  // bit i: the verdict depends on args[i]
};

// `program` is an array of sock_filter. Throws KernelError for one that the kernel would not load.
BpfVerdict evaluate(std::string_view program, const seccomp_data& call);

}  // namespace cordon
