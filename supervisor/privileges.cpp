#include "supervisor/privileges.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/kernel/check.hpp"

namespace cordon {

void refuse_privileges() {
  constexpr auto remedy =
      "start it as the daemon user: setpriv --reuid --regid --groups --inh-caps=-all --bounding-set=-all";
  if (::getuid() == 0 || ::geteuid() == 0) throw KernelError("refuse to run as", "root", EPERM, remedy);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  check(::syscall(SYS_capget, &header, sets), "read the capabilities");
  for (const auto& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) {
      throw KernelError("refuse to run with", "capabilities", EPERM, remedy);
    }
  }
}

}  // namespace cordon
