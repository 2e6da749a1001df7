// A real, valid use of every system call that a shipped policy permits, so that a rule whose removal breaks nothing is
// found. A child makes it under a filter, by raw system calls: libc might choose another one.
#pragma once

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace cordon::test {

// What uses work on, made before the filter is loaded; the working directory is a fresh one with "file", "other", an
// empty "directory" and "link", a symbolic link to "file".
struct Things {
  int file = -1, other = -1;  // with some bytes in them
  int directory = -1;
  int pipe = -1;              // its end for reading, with a byte in it
  std::array<int, 2> pair{};  // AF_UNIX, with a byte in each direction
  int local = -1;             // AF_UNIX, unconnected
  int listener = -1;          // AF_UNIX at "socket", with a connection that waits
  int tcp = -1, udp = -1, udp6 = -1;
  int epoll = -1, timerfd = -1, terminal = -1;
  int timer = -1;  // timer_create(2)'s
  pid_t self = -1, ended_child = -1;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t thread_pointer = 0;
  std::array<rlimit, RLIM_NLIMITS> limits{};
  long* answer = nullptr;  // for a use that does not return; SIGUSR1 has a handler, SIGUSR2 one and is pending
};
Things make_things();

// What the comparisons of the rule ask for; the other arguments are the use's own.
using Arguments = std::array<std::optional<std::uint64_t>, 6>;

struct Use {
  std::string_view call;
  long (*make)(const Things&, const Arguments&);  // fails with a negative errno, as the kernel does
};

std::vector<Use> uses_of_files();
std::vector<Use> uses_of_processes();
std::vector<Use> uses_of_memory_and_time();
std::vector<Use> uses_of_sockets();

template <typename T>
long as_argument(T value) {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<long>(value);
  else if constexpr (std::is_null_pointer_v<T>)
    return 0;
  else
    return static_cast<long>(value);
}

long raw_call(long number, const std::array<long, 6>& args);

template <typename... Args>
long call(long number, Args... args) {
  return raw_call(number, {as_argument(args)...});
}

// A use that the kernel is to answer with this errno.
inline long expects(int errno_value, long answer) {
  return answer == -errno_value ? 0 : answer;
}

[[noreturn]] void leave();  // ends the process whatever the filter

}  // namespace cordon::test
