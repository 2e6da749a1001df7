#include "sandbox/init/rights.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

ReadBack forbid_new_namespaces(int procfs) {
  ReadBack facts;
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    const auto name = std::string("max_") + kind + "_namespaces";
    const auto path = "sys/user/" + name;
    write_file(procfs, path, "0");
    if (read_file(procfs, path) != "0\n") throw KernelError("read back", path, ENOTRECOVERABLE);
    facts.emplace_back("sysctl.user." + name, "0");
  }
  return facts;
}

void take_identity(std::uint32_t id) {
  check(::setgroups(0, nullptr), "drop supplementary groups");
  check(::setresgid(id, id, id), "set the gid");
  check(::setresuid(id, id, id), "set the uid");
  gid_t rg = 0, eg = 0, sg = 0;
  uid_t ru = 0, eu = 0, su = 0;
  check(::getresgid(&rg, &eg, &sg), "read the gids");
  check(::getresuid(&ru, &eu, &su), "read the uids");
  const bool same = rg == id && eg == id && sg == id && ru == id && eu == id && su == id;
  if (!same || ::getgroups(0, nullptr) != 0) throw KernelError("read back", "uid, gid and groups", ENOTRECOVERABLE);
}

void join_new_session_keyring() {
  check(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr), "join a new session keyring");
}

void forbid_new_privileges() {
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) throw KernelError("read back", "no_new_privs", ENOTRECOVERABLE);
}

void bound_capabilities() {
  constexpr unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  check(::prctl(PR_SET_SECUREBITS, locked, 0, 0, 0), "lock the securebits");
  check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient capabilities");
  for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    check(::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0), "drop a capability from the bounding set", std::to_string(cap));
}

void empty_capabilities() {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> none(cap_init(), cap_free);
  check(::cap_set_proc(none.get()), "empty the capability sets");
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> left(cap_get_proc(), cap_free);
  if (!left || cap_compare(left.get(), none.get()) != 0)
    throw KernelError("read back", "the capability sets", ENOTRECOVERABLE);
}

void set_resource_limits(const std::vector<ResourceLimit>& limits) {
  for (const auto& [resource, value] : limits) {
    const rlimit limit{value, value};
    check(::setrlimit(static_cast<__rlimit_resource>(resource), &limit), "set resource limit",
          std::to_string(resource));
  }
}

void die_with_parent() {
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set the parent-death signal");
}

void keep_only(int fd) {
  if (fd > 0) check(::syscall(SYS_close_range, 0U, static_cast<unsigned>(fd) - 1, 0U), "close descriptors below");
  check(::syscall(SYS_close_range, static_cast<unsigned>(fd) + 1, ~0U, 0U), "close descriptors above");
}

void give_up_everything(std::uint32_t uid) {
  bound_capabilities();
  take_identity(uid);
  forbid_new_privileges();
  empty_capabilities();
  die_with_parent();
  check(::prctl(PR_SET_DUMPABLE, 0), "become non-dumpable");
}

}  // namespace cordon
