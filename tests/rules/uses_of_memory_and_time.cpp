#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/utsname.h>

#include <csignal>
#include <ctime>

#include "tests/rules/use.hpp"

namespace cordon::test {
namespace {

constexpr std::size_t page = 4096, mask_size = 8;
alignas(page) char pages[2 * page];
alignas(8) char bytes[4096];
timespec at;
timeval day;
itimerval slow;
itimerspec fine;
const timespec instant{0, 1}, no_time{};
timeval no_wait{};
std::uint64_t mask;
epoll_event event{EPOLLIN, {}};
int ends[2];
int timer_id;
sigevent silent;

long create_timer() {
  silent.sigev_notify = SIGEV_NONE;
  return call(SYS_timer_create, CLOCK_MONOTONIC, &silent, &timer_id);
}

pollfd readable(int fd) {
  return {fd, POLLIN, 0};
}

const std::vector<Use> memory{
    {"brk", [](auto&, auto&) { return call(SYS_brk, 0); }},
    {"mmap", [](auto&, auto&) { return call(SYS_mmap, 0, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"munmap", [](auto&, auto&) { return call(SYS_munmap, pages, page); }},
    {"mprotect", [](auto&, auto&) { return call(SYS_mprotect, pages, page, PROT_READ); }},
    {"mremap", [](auto&, auto&) { return call(SYS_mremap, pages, 2 * page, page, 0); }},
    {"madvise", [](auto&, auto&) { return call(SYS_madvise, pages, page, MADV_NORMAL); }},
    {"msync", [](auto&, auto&) { return call(SYS_msync, pages, page, MS_ASYNC); }},
    {"arch_prctl",
     [](auto& t, auto& args) {
       constexpr std::uint64_t set_gs = 0x1001, get_fs = 0x1003;
       const auto kept = *args[0] == set_gs ? 0 : t.thread_pointer;
       return call(SYS_arch_prctl, *args[0], *args[0] == get_fs ? as_argument(&bytes[0]) : as_argument(kept));
     }},
};

const std::vector<Use> clocks{
    {"clock_gettime", [](auto&, auto&) { return call(SYS_clock_gettime, CLOCK_MONOTONIC, &at); }},
    {"clock_getres", [](auto&, auto&) { return call(SYS_clock_getres, CLOCK_MONOTONIC, &at); }},
    {"gettimeofday", [](auto&, auto&) { return call(SYS_gettimeofday, &day, nullptr); }},
    {"time", [](auto&, auto&) { return call(SYS_time, nullptr); }},
    {"times", [](auto&, auto&) { return call(SYS_times, bytes); }},
    {"nanosleep", [](auto&, auto&) { return call(SYS_nanosleep, &instant, nullptr); }},
    {"clock_nanosleep", [](auto&, auto&) { return call(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &instant, nullptr); }},
    {"alarm", [](auto&, auto&) { return call(SYS_alarm, 100); }},
    {"setitimer", [](auto&, auto&) { return call(SYS_setitimer, ITIMER_VIRTUAL, &slow, nullptr); }},
    {"getitimer", [](auto&, auto&) { return call(SYS_getitimer, ITIMER_VIRTUAL, &slow); }},
    {"timer_create", [](auto&, auto&) { return create_timer(); }},
    {"timer_settime", [](auto& t, auto&) { return call(SYS_timer_settime, t.timer, 0, &fine, nullptr); }},
    {"timer_gettime", [](auto& t, auto&) { return call(SYS_timer_gettime, t.timer, &fine); }},
    {"timer_getoverrun", [](auto& t, auto&) { return call(SYS_timer_getoverrun, t.timer); }},
    {"timer_delete", [](auto& t, auto&) { return call(SYS_timer_delete, t.timer); }},
    {"timerfd_create", [](auto&, auto&) { return call(SYS_timerfd_create, CLOCK_MONOTONIC, 0); }},
    {"timerfd_settime", [](auto& t, auto&) { return call(SYS_timerfd_settime, t.timerfd, 0, &fine, nullptr); }},
    {"timerfd_gettime", [](auto& t, auto&) { return call(SYS_timerfd_gettime, t.timerfd, &fine); }},
};

const std::vector<Use> machine{
    {"uname", [](auto&, auto&) { return call(SYS_uname, bytes); }},
    {"sysinfo", [](auto&, auto&) { return call(SYS_sysinfo, bytes); }},
    {"getrandom", [](auto&, auto&) { return call(SYS_getrandom, bytes, 8, 0); }},
    {"getrusage", [](auto&, auto&) { return call(SYS_getrusage, RUSAGE_SELF, bytes); }},
    {"getrlimit", [](auto&, auto&) { return call(SYS_getrlimit, RLIMIT_CORE, bytes); }},
    {"setrlimit", [](auto& t, auto& args) { return call(SYS_setrlimit, *args[0], &t.limits.at(*args[0])); }},
    {"prlimit64",
     [](auto& t, auto& args) {
       if (!args[1]) return call(SYS_prlimit64, 0, RLIMIT_CORE, nullptr, bytes);
       return call(SYS_prlimit64, 0, *args[1], &t.limits.at(*args[1]), nullptr);
     }},
    {"sched_yield", [](auto&, auto&) { return call(SYS_sched_yield); }},
    {"sched_getaffinity", [](auto&, auto&) { return call(SYS_sched_getaffinity, 0, sizeof bytes, bytes); }},
    {"sched_setaffinity",
     [](auto&, auto&) {
       cpu_set_t any{};
       for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &any);
       return call(SYS_sched_setaffinity, 0, sizeof any, &any);
     }},
    {"sched_getparam", [](auto&, auto&) { return call(SYS_sched_getparam, 0, bytes); }},
    {"sched_getscheduler", [](auto&, auto&) { return call(SYS_sched_getscheduler, 0); }},
    {"sched_get_priority_max", [](auto&, auto&) { return call(SYS_sched_get_priority_max, SCHED_FIFO); }},
    {"sched_get_priority_min", [](auto&, auto&) { return call(SYS_sched_get_priority_min, SCHED_FIFO); }},
    {"getpriority", [](auto&, auto&) { return call(SYS_getpriority, PRIO_PROCESS, 0); }},
    {"setpriority", [](auto&, auto&) { return call(SYS_setpriority, PRIO_PROCESS, 0, 19); }},
};

const std::vector<Use> waits{
    {"poll",
     [](auto& t, auto&) {
       auto fd = readable(t.pipe);
       return call(SYS_poll, &fd, 1, 0);
     }},
    {"ppoll",
     [](auto& t, auto&) {
       auto fd = readable(t.pipe);
       return call(SYS_ppoll, &fd, 1, &no_time, nullptr, mask_size);
     }},
    {"select", [](auto&, auto&) { return call(SYS_select, 0, nullptr, nullptr, nullptr, &no_wait); }},
    {"pselect6", [](auto&, auto&) { return call(SYS_pselect6, 0, nullptr, nullptr, nullptr, &no_time, nullptr); }},
    {"epoll_create1", [](auto&, auto&) { return call(SYS_epoll_create1, 0); }},
    {"epoll_ctl", [](auto& t, auto&) { return call(SYS_epoll_ctl, t.epoll, EPOLL_CTL_ADD, t.pipe, &event); }},
    {"epoll_wait", [](auto& t, auto&) { return call(SYS_epoll_wait, t.epoll, &event, 1, 0); }},
    {"epoll_pwait", [](auto& t, auto&) { return call(SYS_epoll_pwait, t.epoll, &event, 1, 0, nullptr, mask_size); }},
    {"epoll_pwait2",
     [](auto& t, auto&) { return call(SYS_epoll_pwait2, t.epoll, &event, 1, &no_time, nullptr, mask_size); }},
    {"eventfd2", [](auto&, auto&) { return call(SYS_eventfd2, 0, 0); }},
    {"signalfd4", [](auto&, auto&) { return call(SYS_signalfd4, -1, &mask, mask_size, 0); }},
    {"pipe", [](auto&, auto&) { return call(SYS_pipe, ends); }},
    {"pipe2", [](auto&, auto&) { return call(SYS_pipe2, ends, 0); }},
    {"ioctl", [](auto& t, auto& args) { return call(SYS_ioctl, t.terminal, *args[1], bytes); }},
};

}  // namespace

std::vector<Use> uses_of_memory_and_time() {
  auto all = memory;
  for (const auto& uses : {clocks, machine, waits}) all.insert(all.end(), uses.begin(), uses.end());
  return all;
}

}  // namespace cordon::test
