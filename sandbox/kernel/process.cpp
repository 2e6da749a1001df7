#include "sandbox/kernel/process.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "sandbox/kernel/check.hpp"

namespace cordon {

Child::Child(Child&& other) noexcept : pid(std::exchange(other.pid, -1)), pidfd(std::move(other.pidfd)) {}

Child::~Child() {
  if (pid <= 0) return;
  kill();
  wait();
}

void Child::kill() const {
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

int Child::wait() {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED) < 0 && errno == EINTR) {
  }
  pid = -1;
  return info.si_code == CLD_EXITED ? info.si_status : 256 + info.si_status;
}

Child clone_child(std::uint64_t flags, int cgroup) {
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  Child child;
  child.pid = static_cast<pid_t>(check(::syscall(SYS_clone3, &args, sizeof args), "clone3"));
  if (child.pid > 0) child.pidfd.reset(pidfd);
  return child;
}

void place_descriptors(const std::vector<int>& fds, int first) {
  const auto past = first + static_cast<int>(fds.size());
  std::vector<int> high;
  high.reserve(fds.size());
  for (const int fd : fds) high.push_back(check(::fcntl(fd, F_DUPFD_CLOEXEC, past), "move a descriptor up"));
  for (std::size_t i = 0; i < high.size(); ++i)
    check(::dup2(high[i], first + static_cast<int>(i)), "place a descriptor");
  check(::syscall(SYS_close_range, static_cast<unsigned>(past), ~0U, 0U), "close the other descriptors");
}

namespace {

// Another effective uid takes away the signal that the end of the parent sends (prctl(2), PR_SET_PDEATHSIG). It is set
// again; a parent that ended meanwhile is seen by its pid, and the signal is then late, but comes.
bool become(std::uint32_t uid) {
  int signal = 0;
  const pid_t parent = ::getppid();
  if (::prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0) < 0 || ::seteuid(uid) < 0) return false;
  if (signal == 0) return true;
  if (::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0) return false;
  if (::getppid() != parent) ::raise(signal);
  return true;
}

}  // namespace

// Half of it may have been done, and no destructor follows: it is undone, or this is the end.
EffectiveUser::EffectiveUser(std::uint32_t uid) {
  const int error = become(uid) ? 0 : errno;
  if (error == 0 && ::geteuid() == uid) return;
  if (::geteuid() != 0 && ::seteuid(0) < 0) std::abort();
  if (error != 0) throw KernelError("act as uid", std::to_string(uid), error);
  throw KernelError("read back", "the effective uid", ENOTRECOVERABLE);
}

void EffectiveUser::leave() {
  check(become(0) ? 0 : -1, "act as root again");
  if (::geteuid() != 0) throw KernelError("read back", "the effective uid", ENOTRECOVERABLE);
  left_ = true;
}

EffectiveUser::~EffectiveUser() {
  if (!left_ && !become(0)) std::abort();  // never go on as half a root
}

}  // namespace cordon
