#include "cli/hook.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/failure.hpp"
#include "cli/terminal.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h has it for GNU only

namespace cordon::cli {
namespace {

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) < 0) throw Failure(fmt::format("no pipe: {}", std::strerror(errno)));
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int end(std::size_t which) const { return ends_.at(which); }
  void close(std::size_t which) {
    if (ends_.at(which) >= 0) ::close(ends_.at(which));
    ends_.at(which) = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// With `input` as its standard input, in a process group of its own, and with no signal blocked or ignored by us.
int spawn(pid_t& pid, const std::vector<std::string>& words, int input) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

enum class Waited { ended, too_long, woken };

Waited wait_for(pid_t pid, std::chrono::seconds limit, int wake_fd) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) throw Failure(fmt::format("cannot watch the hook: {}", std::strerror(errno)));
  std::array<pollfd, 2> watched{{{pidfd, POLLIN, 0}, {wake_fd, POLLIN, 0}}};
  const int timeout = static_cast<int>(std::chrono::milliseconds(limit).count());
  while (::poll(watched.data(), watched.size(), timeout) < 0 && errno == EINTR)
    continue;  // it was stopped, and goes on
  ::close(pidfd);
  if (watched[0].revents != 0) return Waited::ended;
  return watched[1].revents != 0 ? Waited::woken : Waited::too_long;
}

}  // namespace

HookEnd Hook::fail(std::string trouble) {
  trouble_ = std::move(trouble);
  return HookEnd::failed;
}

HookEnd Hook::run(std::string_view input, int wake_fd) {
  Pipe pipe;
  pid_t pid = -1;
  const int error = spawn(pid, argv_, pipe.end(0));
  if (error != 0) return fail(fmt::format("cannot start {}: {}", argv_[0], std::strerror(error)));
  pipe.close(0);
  write_all(pipe.end(1), input);  // an event is smaller than a pipe; whoever does not read it need not
  pipe.close(1);
  const auto waited = wait_for(pid, limit_, wake_fd);
  ::kill(-pid, SIGKILL);  // it, and what it left behind in its group
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (waited == Waited::woken) return HookEnd::interrupted;
  if (waited == Waited::too_long) return fail(fmt::format("took longer than {} s and was killed", limit_.count()));
  if (WIFSIGNALED(status)) return fail(fmt::format("ended by signal {}", WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? HookEnd::succeeded : fail(fmt::format("exited {}", WEXITSTATUS(status)));
}

}  // namespace cordon::cli
