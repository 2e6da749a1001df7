#include "sandbox/launcher/own_filters.hpp"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace cordon {

namespace {

SeccompPolicy only(std::vector<std::string> calls, std::string why) {
  SeccompPolicy policy;
  policy.default_action = {SeccompVerdict::errno_value, ENOSYS};
  policy.rules.push_back({std::move(calls), {SeccompVerdict::allow, 0}, {}, std::move(why)});
  return policy;
}

}  // namespace

SeccompPolicy collector_calls() {
  return only({"read", "write", "close", "fstat", "newfstatat", "openat2", "getdents64", "lseek", "fcntl", "mmap",
               "munmap", "mremap", "brk", "madvise", "futex", "exit", "exit_group", "rt_sigreturn"},
              "walk, hash and stream");
}

SeccompPolicy init_calls() {
  auto policy = only({"read", "write", "poll", "wait4", "recvmsg", "sendmsg", "dup3", "close", "close_range", "brk",
                      "mmap", "munmap", "mremap", "madvise", "futex", "exit_group", "rt_sigreturn", "restart_syscall"},
                     "hand the job over, wait for the tool, and say how it ended");
  policy.rules.push_back({{"unshare"},
                          {SeccompVerdict::allow, 0},
                          {{0, SeccompCompare::eq, CLONE_FILES, 0}},
                          "take a descriptor table of its own"});
  policy.rules.push_back(
      {{"ioctl"},
       {SeccompVerdict::allow, 0},
       {{1, SeccompCompare::eq, SECCOMP_IOCTL_NOTIF_RECV, 0}, {1, SeccompCompare::eq, SECCOMP_IOCTL_NOTIF_SEND, 0}},
       "answer refused calls"});
  return policy;
}

}  // namespace cordon
