// The verdict of a seccomp program on a made-up call, so that tests can ask for those that would kill them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cordon::test {

struct Call {
  std::uint32_t number = 0;
  std::array<std::uint64_t, 6> args{};
  std::uint32_t arch = 0xc000003e;  // AUDIT_ARCH_X86_64
};

// The SECCOMP_RET_* value with its data. Throws KernelError when the program is not one the kernel would load.
std::uint32_t verdict(std::string_view bpf, const Call& call);

}  // namespace cordon::test
