#include "sandbox/init/rights.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sched.h>
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

namespace {

using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)>;

std::vector<cap_value_t> listed(std::uint64_t set) {
  std::vector<cap_value_t> list;
  for (cap_value_t cap = 0; cap < 64; ++cap)
    if ((set >> cap & 1) != 0) list.push_back(cap);
  return list;
}

// From the bounding set. EINVAL is how the kernel says that it has no more of them (PR_CAPBSET_DROP(2const)); any other
// failure is one. That none is left is read back from outside.
bool drop_capability(unsigned long cap) {
  const int rc = ::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  if (rc < 0 && errno != EINVAL) check(rc, "drop a capability from the bounding set", std::to_string(cap));
  return rc >= 0;
}

Capabilities own_capabilities() {
  Capabilities own(cap_get_proc(), cap_free);
  if (!own) check(-1, "read the capability sets");
  return own;
}

}  // namespace

ReadBack forbid_new_namespaces(const Fd& limits) {
  ReadBack facts;
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    const auto name = std::string("max_") + kind + "_namespaces";
    if (write_and_read_back(limits.get(), name, "0") != "0\n") throw KernelError("read back", name, ENOTRECOVERABLE);
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

void bound_capabilities(std::uint64_t kept) {
  constexpr unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
  check(::prctl(PR_SET_SECUREBITS, locked, 0, 0, 0), "lock the securebits");
  check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient capabilities");
  for (unsigned long cap = 0; (kept >> cap & 1) != 0 || drop_capability(cap); ++cap) {
  }
}

void reduce_capabilities(std::uint64_t kept) {
  const auto list = listed(kept);
  const auto count = static_cast<int>(list.size());
  const auto wider = own_capabilities();
  cap_clear_flag(wider.get(), CAP_INHERITABLE);
  cap_set_flag(wider.get(), CAP_INHERITABLE, count, list.data(), CAP_SET);
  check(::cap_set_proc(wider.get()), "set the inheritable capabilities");
  for (const auto cap : list) check(cap_set_ambient(cap, CAP_SET), "raise an ambient capability", std::to_string(cap));
  const auto locked = check(::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), "read the securebits") |
                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  check(::prctl(PR_SET_SECUREBITS, locked, 0, 0, 0), "lock the ambient capabilities");

  const Capabilities wanted(cap_init(), cap_free);
  for (const auto set : {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE})
    cap_set_flag(wanted.get(), set, count, list.data(), CAP_SET);
  check(::cap_set_proc(wanted.get()), "reduce the capability sets");
  const auto left = own_capabilities();
  if (cap_compare(left.get(), wanted.get()) != 0)
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

void keep_only(const std::vector<int>& fds) {
  check(::unshare(CLONE_FILES), "take a descriptor table of one's own");
  unsigned next = 0;
  for (const int fd : fds) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) check(::syscall(SYS_close_range, next, kept - 1, 0U), "close descriptors");
    next = kept + 1;
  }
  check(::syscall(SYS_close_range, next, ~0U, 0U), "close descriptors");
}

void give_up_everything(std::uint32_t uid) {
  bound_capabilities(0);
  take_identity(uid);
  forbid_new_privileges();
  reduce_capabilities(0);
  die_with_parent();
  check(::prctl(PR_SET_DUMPABLE, 0), "become non-dumpable");
}

}  // namespace cordon
