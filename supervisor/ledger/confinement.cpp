#include "supervisor/ledger/confinement.hpp"

#include <seccomp.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <memory>

#include "sandbox/kernel/check.hpp"

namespace cordon::ledger {
namespace {

// A thread that was made before may begin only now: set_robust_list and rseq are its first calls, and glibc ends the
// process when it cannot register. What glibc says at its end goes out by writev.
constexpr std::array allowed{SCMP_SYS(read),
                             SCMP_SYS(pread64),
                             SCMP_SYS(write),
                             SCMP_SYS(openat),
                             SCMP_SYS(close),
                             SCMP_SYS(fstat),
                             SCMP_SYS(newfstatat),
                             SCMP_SYS(lseek),
                             SCMP_SYS(getdents64),
                             SCMP_SYS(fcntl),
                             SCMP_SYS(fdatasync),
                             SCMP_SYS(fsync),
                             SCMP_SYS(ftruncate),
                             SCMP_SYS(fchmod),
                             SCMP_SYS(rename),
                             SCMP_SYS(unlink),
                             SCMP_SYS(poll),
                             SCMP_SYS(accept4),
                             SCMP_SYS(recvmsg),
                             SCMP_SYS(sendmsg),
                             SCMP_SYS(getsockopt),
                             SCMP_SYS(futex),
                             SCMP_SYS(clock_gettime),
                             SCMP_SYS(gettimeofday),
                             SCMP_SYS(mmap),
                             SCMP_SYS(munmap),
                             SCMP_SYS(mremap),
                             SCMP_SYS(mprotect),
                             SCMP_SYS(madvise),
                             SCMP_SYS(brk),
                             SCMP_SYS(getrandom),
                             SCMP_SYS(rt_sigaction),
                             SCMP_SYS(rt_sigprocmask),
                             SCMP_SYS(rt_sigreturn),
                             SCMP_SYS(restart_syscall),
                             SCMP_SYS(sched_yield),
                             SCMP_SYS(gettid),
                             SCMP_SYS(getpid),
                             SCMP_SYS(tgkill),
                             SCMP_SYS(exit),
                             SCMP_SYS(exit_group),
                             SCMP_SYS(sendto),
                             SCMP_SYS(writev),
                             SCMP_SYS(rseq),
                             SCMP_SYS(set_robust_list),
                             SCMP_SYS(sched_getaffinity)};

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

void refused(int rc, const char* step) {
  if (rc < 0) throw KernelError(step, "of cordon-ledger's system calls", -rc);
}

}  // namespace

void confine() {
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) throw KernelError("begin the filter", "of cordon-ledger's system calls", ENOMEM);
  refused(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1), "make the filter one of all threads,");
  for (const int call : allowed)
    refused(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0), "add a rule to the filter");
  refused(seccomp_load(filter.get()), "load the filter");
}

}  // namespace cordon::ledger
