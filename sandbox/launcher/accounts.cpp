#include "sandbox/launcher/accounts.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

namespace {

constexpr const char* getent = "/usr/bin/getent";

pid_t start_getent(const char* database, const std::string& name, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  std::string program(getent), what(database), whom(name);
  char* const argv[] = {program.data(), what.data(), whom.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, getent, &actions, nullptr, argv, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw KernelError("run", getent, error, "install libc-bin");
  return pid;
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[1024];
  for (;;) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (check(n, "read from", getent) == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

// The line of the database; empty when there is none. getent takes a number for an id: that is no name.
std::string entry(const char* database, const std::string& name) {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "make a pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const auto pid = start_getent(database, name, write_end.get());
  write_end.reset();
  auto line = read_to_end(read_end.get());
  int status = 0;
  check(::waitpid(pid, &status, 0), "wait for getent");
  if (status != 0 || !line.starts_with(name + ":")) line.clear();
  return line;
}

// "name:x:uid:gid:…" and "name:x:gid:…".
std::uint32_t field(const std::string& line, int which) {
  std::size_t at = 0;
  for (; which > 0; --which) at = line.find(':', at) + 1;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(line.data() + at, line.data() + line.size(), value);
  if (error != std::errc() || (end != line.data() + line.size() && *end != ':'))
    throw KernelError("understand getent", line, EBADMSG);
  return value;
}

}  // namespace

std::optional<Account> find_user_if_there(const std::string& name) {
  const auto line = entry("passwd", name);
  if (line.empty()) return std::nullopt;
  return Account{field(line, 2), field(line, 3)};
}

Account find_user(const std::string& name) {
  const auto found = find_user_if_there(name);
  if (!found) throw KernelError("find user", name, ENOENT, "install the package, or run with --private");
  return *found;
}

std::uint32_t find_group(const std::string& name) {
  const auto line = entry("group", name);
  if (line.empty()) throw KernelError("find group", name, ENOENT, "systemd-sysusers, or groupadd --system " + name);
  return field(line, 2);
}

}  // namespace cordon
