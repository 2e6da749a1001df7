#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/rseq.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/rules/use.hpp"

namespace cordon::test {
namespace {

constexpr std::size_t mask_size = 8;  // the kernel's sigset_t
std::uint64_t mask, none;
int word;
unsigned ids[3];
siginfo_t ended;
alignas(8) char bytes[4096];
__user_cap_header_struct capabilities_of{_LINUX_CAPABILITY_VERSION_3, 0};
__user_cap_data_struct capabilities[2];
struct {
  void* list;
  long offset;
  void* pending;
} robust{&robust, 0, nullptr};
const timespec no_time{};

// In a child, and not to return in it.
long parent_of(long answer) {
  if (answer == 0) leave();
  return answer;
}

// The child runs on the parent's stack, so it leaves before it returns from anything.
long vfork_and_leave() {
  long answer = SYS_vfork;
  asm volatile(
      "syscall\n test %0, %0\n jnz 1f\n"
      "mov $231, %%eax\n xor %%edi, %%edi\n syscall\n ud2\n"  // exit_group(0)
      "1:"
      : "+a"(answer)
      :
      : "rcx", "r11", "rdi", "memory");
  return answer;
}

long end_by(const Things& t, long number) {
  *t.answer = 0;  // it ended as it was to end, unless it is still here to say something else
  return call(number, 0);
}

long execute(const Things& t) {
  static const char* const argv[]{"/bin/true", nullptr};
  *t.answer = 0;
  return call(SYS_execve, argv[0], argv, argv + 1);
}

// glibc has registered its own, which this gives up; rseq(2) takes one at a time.
long give_up_rseq() {
  auto* const area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  return __rseq_size == 0 ? call(SYS_rseq, bytes, 32, 0, RSEQ_SIG)
                          : call(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

// The handler's return is the call; whoever is not let through is not here any more.
long return_from_handler(const Things& t) {
  return call(SYS_tgkill, t.self, t.self, SIGUSR1);
}

long await_the_next_tick() {
  const itimerval soon{{0, 1000}, {0, 1000}};
  static_cast<void>(call(SYS_setitimer, ITIMER_REAL, &soon, nullptr));
  return expects(EINTR, call(SYS_pause));
}

// prctl's second argument, for each option that a policy has.
long second_argument(std::uint64_t option) {
  switch (option) {
    case PR_GET_PDEATHSIG:
    case PR_SET_NAME:
    case PR_GET_NAME:
      return as_argument(&bytes[0]);
    case PR_SET_TIMERSLACK:
      return 50000;
    case PR_SET_NO_NEW_PRIVS:
      return 1;
    default:
      return 0;
  }
}

const std::vector<Use> lives{
    {"fork", [](auto&, auto&) { return parent_of(call(SYS_fork)); }},
    {"vfork", [](auto&, auto&) { return vfork_and_leave(); }},
    {"clone", [](auto&, auto& args) { return parent_of(call(SYS_clone, *args[0] | SIGCHLD, 0, 0, 0, 0)); }},
    {"execve", [](auto& t, auto&) { return execute(t); }},
    {"exit", [](auto& t, auto&) { return end_by(t, SYS_exit); }},
    {"exit_group", [](auto& t, auto&) { return end_by(t, SYS_exit_group); }},
    {"wait4", [](auto& t, auto&) { return call(SYS_wait4, t.ended_child, &word, 0, nullptr); }},
    {"waitid", [](auto& t, auto&) { return call(SYS_waitid, P_PID, t.ended_child, &ended, WEXITED, nullptr); }},
    {"getpid", [](auto&, auto&) { return call(SYS_getpid); }},
    {"getppid", [](auto&, auto&) { return call(SYS_getppid); }},
    {"gettid", [](auto&, auto&) { return call(SYS_gettid); }},
    {"getpgid", [](auto&, auto&) { return call(SYS_getpgid, 0); }},
    {"getpgrp", [](auto&, auto&) { return call(SYS_getpgrp); }},
    {"setpgid", [](auto&, auto&) { return call(SYS_setpgid, 0, 0); }},
    {"getsid", [](auto&, auto&) { return call(SYS_getsid, 0); }},
    {"setsid", [](auto&, auto&) { return call(SYS_setsid); }},
    {"futex", [](auto&, auto&) { return call(SYS_futex, &word, FUTEX_WAKE, 1); }},
    {"set_tid_address", [](auto&, auto&) { return call(SYS_set_tid_address, &word); }},
    {"set_robust_list", [](auto&, auto&) { return call(SYS_set_robust_list, &robust, sizeof robust); }},
    {"rseq", [](auto&, auto&) { return give_up_rseq(); }},
    {"prctl", [](auto&, auto& args) { return call(SYS_prctl, *args[0], second_argument(*args[0]), 0, 0, 0); }},
    {"personality", [](auto&, auto& args) { return call(SYS_personality, *args[0]); }},
};

const std::vector<Use> signals{
    {"rt_sigaction", [](auto&, auto&) { return call(SYS_rt_sigaction, SIGUSR1, nullptr, bytes, mask_size); }},
    {"rt_sigprocmask", [](auto&, auto&) { return call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, mask_size); }},
    {"rt_sigreturn", [](auto& t, auto&) { return return_from_handler(t); }},
    {"rt_sigpending", [](auto&, auto&) { return call(SYS_rt_sigpending, &mask, mask_size); }},
    {"rt_sigsuspend", [](auto&, auto&) { return expects(EINTR, call(SYS_rt_sigsuspend, &none, mask_size)); }},
    {"rt_sigtimedwait",
     [](auto&, auto&) {
       mask = 1UL << (SIGUSR2 - 1);
       return call(SYS_rt_sigtimedwait, &mask, nullptr, &no_time, mask_size);
     }},
    {"sigaltstack", [](auto&, auto&) { return call(SYS_sigaltstack, nullptr, bytes); }},
    {"kill", [](auto& t, auto&) { return call(SYS_kill, t.self, 0); }},
    {"tkill", [](auto& t, auto&) { return call(SYS_tkill, t.self, 0); }},
    {"tgkill", [](auto& t, auto&) { return call(SYS_tgkill, t.self, t.self, 0); }},
    {"pause", [](auto&, auto&) { return await_the_next_tick(); }},
    {"restart_syscall", [](auto&, auto&) { return expects(EINTR, call(SYS_restart_syscall)); }},
};

const std::vector<Use> identities{
    {"getuid", [](auto&, auto&) { return call(SYS_getuid); }},
    {"geteuid", [](auto&, auto&) { return call(SYS_geteuid); }},
    {"getgid", [](auto&, auto&) { return call(SYS_getgid); }},
    {"getegid", [](auto&, auto&) { return call(SYS_getegid); }},
    {"getresuid", [](auto&, auto&) { return call(SYS_getresuid, &ids[0], &ids[1], &ids[2]); }},
    {"getresgid", [](auto&, auto&) { return call(SYS_getresgid, &ids[0], &ids[1], &ids[2]); }},
    {"getgroups", [](auto&, auto&) { return call(SYS_getgroups, 0, nullptr); }},
    {"capget", [](auto&, auto&) { return call(SYS_capget, &capabilities_of, capabilities); }},
    {"setuid", [](auto& t, auto&) { return call(SYS_setuid, t.uid); }},
    {"setgid", [](auto& t, auto&) { return call(SYS_setgid, t.gid); }},
    {"setreuid", [](auto&, auto&) { return call(SYS_setreuid, -1, -1); }},
    {"setregid", [](auto&, auto&) { return call(SYS_setregid, -1, -1); }},
    {"setresuid", [](auto&, auto&) { return call(SYS_setresuid, -1, -1, -1); }},
    {"setresgid", [](auto&, auto&) { return call(SYS_setresgid, -1, -1, -1); }},
};

}  // namespace

std::vector<Use> uses_of_processes() {
  auto all = lives;
  all.insert(all.end(), signals.begin(), signals.end());
  all.insert(all.end(), identities.begin(), identities.end());
  return all;
}

}  // namespace cordon::test
