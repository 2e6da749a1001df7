#include "sandbox/kernel/seccomp.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

long load(const std::string& filter, unsigned flags) {
  std::vector<sock_filter> code(filter.size() / sizeof(sock_filter));
  std::memcpy(code.data(), filter.data(), code.size() * sizeof(sock_filter));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return check(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program), "load the seccomp filter");
}

}  // namespace

void load_filter(const std::string& filter) {
  load(filter, 0);
}

Fd load_filter_with_listener(const std::string& filter) {
  constexpr auto flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return Fd(static_cast<int>(load(filter, flags)));
}

}  // namespace cordon
