#include "tests/faults/calls.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

namespace cordon::test {
namespace {

// Their manuals know no error that a sound program can meet, they do not return, or they are the kernel's own.
const std::set<std::string> never_fail{"exit",    "exit_group", "rt_sigreturn", "restart_syscall", "getpid",
                                       "getppid", "gettid",     "getuid",       "geteuid",         "getgid",
                                       "getegid", "umask",      "getpgrp",      "sched_yield",     "set_tid_address",
                                       "rseq",    "arch_prctl"};

struct Family {
  std::vector<std::string> names;
  std::vector<int> errors;
};

const Family families[] = {
    {{"pipe2", "socket", "socketpair", "memfd_create", "eventfd2", "timerfd_create", "signalfd4", "dup", "dup2", "dup3",
      "accept", "accept4", "pidfd_open", "epoll_create1", "landlock_create_ruleset"},
     {EMFILE, ENOMEM, EPERM}},
    {{"open", "openat", "openat2"}, {EMFILE, ENOMEM, EPERM, EINTR}},
    {{"fsopen", "fsmount", "open_tree", "fspick"}, {EMFILE, ENOMEM, EPERM}},
    {{"mkdir", "mkdirat", "mknodat", "symlinkat", "linkat"}, {ENOSPC, ENOMEM, EPERM}},
    {{"write", "pwrite64", "writev"}, {ENOSPC, EINTR, ENOMEM, EPERM}},
    {{"read", "pread64", "readv", "getdents64", "getrandom"}, {EINTR, ENOMEM, EPERM}},
    {{"poll", "ppoll", "epoll_wait", "epoll_pwait", "nanosleep", "clock_nanosleep"}, {EINTR, ENOMEM}},
    {{"recvmsg", "sendmsg", "recvfrom", "sendto", "connect"}, {EINTR, ENOMEM, EPERM}},
    {{"wait4", "waitid", "close", "close_range"}, {EINTR}},
    {{"unshare", "setns", "clone", "clone3", "fork", "vfork", "fsconfig", "move_mount"}, {EPERM, ENOMEM, ENOSPC}},
    {{"brk", "mmap", "mremap", "munmap", "mprotect", "madvise"}, {ENOMEM}},
};

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

}  // namespace

std::string SystemCall::id() const {
  return role + ": " + name + " #" + std::to_string(occurrence) + (path.empty() ? "" : " " + path);
}

std::string Fault::id() const {
  if (how == How::pretended) return call.id() + " pretends";
  if (how == How::shortened) return call.id() + " cut short";
  return call.id() + " = " + error_name(error) + (how == How::lasting ? " from here on" : "");
}

std::string call_name(long number) {
  char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
  if (name == nullptr) return "call " + std::to_string(number);
  std::string copy(name);
  std::free(name);
  return copy;
}

std::string error_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

// A wait that does not wait is not interrupted (wait(2)).
bool does_not_wait(const SystemCall& call) {
  const auto options = call.arguments[call.name == "waitid" ? 3 : 2];
  return is_one_of(call.name, {"wait4", "waitid"}) && (options & WNOHANG) != 0;
}

// AddressSanitizer ends a program whose memory the kernel refuses. cordon-init is built without it.
bool is_for_sanitizer(const SystemCall& call) {
#ifdef __SANITIZE_ADDRESS__
  return call.role != "init" && call.role != "tool" &&
         is_one_of(call.name, {"brk", "mmap", "mremap", "munmap", "mprotect", "madvise"});
#else
  return call.name.empty();
#endif
}

std::vector<int> errors_that_apply(const SystemCall& call) {
  if (never_fail.contains(call.name) || does_not_wait(call) || is_for_sanitizer(call)) return {};
  if (call.name == "fcntl") {
    const auto command = static_cast<int>(call.arguments[1]);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return {EMFILE, EPERM};
    return {EPERM};
  }
  auto errors = std::vector<int>{EPERM, ENOMEM};
  for (const auto& family : families) {
    if (std::find(family.names.begin(), family.names.end(), call.name) != family.names.end()) errors = family.errors;
  }
  if (call.name == "openat" && (call.arguments[2] & O_CREAT) != 0) errors.push_back(ENOSPC);
  return errors;
}

How how_to_fail(const SystemCall& call) {
  // close(2): the descriptor is gone whatever it answers; kept open it would be a fault of ours, not the kernel's.
  return is_one_of(call.name, {"close", "close_range"}) ? How::spoiled : How::refused;
}

std::vector<Fault> every_call_once(const std::vector<SystemCall>& calls) {
  std::vector<Fault> faults;
  std::map<std::string, std::size_t> turn;
  for (const auto& call : calls) {
    const auto errors = errors_that_apply(call);
    if (!errors.empty()) faults.push_back({call, errors[turn[call.name]++ % errors.size()], how_to_fail(call)});
  }
  return faults;
}

std::vector<Fault> every_call_with_every_error(const std::vector<SystemCall>& calls) {
  std::vector<Fault> faults;
  for (const auto& call : calls) {
    for (const int error : errors_that_apply(call)) faults.push_back({call, error, how_to_fail(call)});
  }
  return faults;
}

std::vector<Fault> every_lasting_error(const std::vector<SystemCall>& calls) {
  std::vector<Fault> faults;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& call : calls) {
    if (how_to_fail(call) != How::refused || !seen.emplace(call.role, call.name).second) continue;
    for (const int error : errors_that_apply(call)) {
      if (error != EINTR) faults.push_back({call, error, How::lasting});
    }
  }
  return faults;
}

// What confines or takes away, and must not be believed. Not what leaves no trace that could be read back, or sets what
// already is so.
bool is_control(const SystemCall& call) {
  static const std::set<std::string> plain{"unshare",    "pivot_root",    "umount2",
                                           "move_mount", "mount_setattr", "setresgid",
                                           "setresuid",  "capset",        "landlock_restrict_self"};
  const auto& a = call.arguments;
  if (call.name == "seccomp") return a[0] == SECCOMP_SET_MODE_FILTER;
  if (call.name == "prctl" && a[0] == PR_CAPBSET_DROP) {  // pid 1 may not have had it: no more than this process has
    const int had = ::prctl(PR_CAPBSET_READ, a[1]);       // < 0: there is none of this number, and nothing to drop
    return call.role == "tool" ? had >= 0 : had == 1;
  }
  if (call.name == "prctl") return a[0] == PR_SET_NO_NEW_PRIVS;
  if (call.name == "prlimit64")
    return a[2] != 0 && (a[1] == RLIMIT_CORE || a[1] == RLIMIT_FSIZE || a[1] == RLIMIT_NOFILE);
  if (call.name == "fsconfig") return call.role == "launcher" && call.occurrence <= 2;  // the scratch: size, nr_inodes
  if (call.name == "write") {
    static const char* const targets[] = {"/tasks",        "pids.max", "limit_in_bytes", ".max",
                                          "cpu.cfs_quota", "id_map",   "_namespaces",    "oom_score_adj"};
    return std::any_of(std::begin(targets), std::end(targets),
                       [&](const char* target) { return call.path.find(target) != std::string::npos; });
  }
  return plain.contains(call.name);
}

std::vector<Fault> every_pretence(const std::vector<SystemCall>& calls) {
  std::vector<Fault> faults;
  std::set<std::string> written;  // what is written again, when a job is killed, is no limit any more
  for (const auto& call : calls) {
    const bool is_again = call.name == "write" && !call.path.ends_with("/tasks") && !written.insert(call.path).second;
    if (is_control(call) && !is_again) faults.push_back({call, 0, How::pretended});
  }
  return faults;
}

std::vector<Fault> every_short_transfer(const std::vector<SystemCall>& calls) {
  std::vector<Fault> faults;
  for (const auto& call : calls) {
    // A message on a socket, and a number from an eventfd, come whole or not at all.
    const bool can_be_cut = is_one_of(call.name, {"read", "write"}) && call.arguments[2] > 1 &&
                            (call.path.starts_with("/") || call.path.starts_with("pipe:"));
    if (can_be_cut && !call.path.starts_with("/dev/")) faults.push_back({call, 0, How::shortened});
  }
  return faults;
}

}  // namespace cordon::test
