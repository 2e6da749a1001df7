#include "tests/prestart/ended.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <regex>

#include "sandbox/kernel/check.hpp"

namespace cordon::prestart {

namespace {

constexpr std::size_t most_output = std::size_t{64} * 1024 * 1024;

// False at its end.
bool read_some(Fd& from, std::string& into) {
  std::array<char, 65536> buffer{};
  const auto n = check(::read(from.get(), buffer.data(), buffer.size()), "read what it says");
  into.append(buffer.data(), static_cast<std::size_t>(n));
  if (n == 0) from.reset();
  return n != 0;
}

// False when it took too long, or said too much.
bool read_all(Outputs& outputs, Ended& ended, const Bounds& bounds) {
  while (outputs.out || outputs.err) {
    std::array<pollfd, 2> wanted{{{outputs.out.get(), POLLIN, 0}, {outputs.err.get(), POLLIN, 0}}};
    const auto left = static_cast<int>(bounds.left().count());
    if (ended.out.size() + ended.err.size() > most_output) return false;
    if (left == 0 || check(::poll(wanted.data(), wanted.size(), left), "poll") == 0) return false;
    if (wanted[0].revents != 0) read_some(outputs.out, ended.out);
    if (wanted[1].revents != 0) read_some(outputs.err, ended.err);
  }
  return true;
}

bool await_end(pid_t child, const Bounds& bounds) {
  const Fd end(static_cast<int>(check(::syscall(SYS_pidfd_open, child, 0), "open a pidfd")));
  pollfd wanted{end.get(), POLLIN, 0};
  return check(::poll(&wanted, 1, static_cast<int>(bounds.left().count())), "poll") > 0;
}

}  // namespace

std::ostream& operator<<(std::ostream& to, const Ended& ended) {
  if (WIFSIGNALED(ended.status))
    to << "signal " << WTERMSIG(ended.status);
  else
    to << "code " << WEXITSTATUS(ended.status);
  if (ended.ran_away) to << ", beyond its bounds";
  return to << "\n--- stdout\n" << ended.out << "\n--- stderr\n" << ended.err << "\n---";
}

Ended wait_for(pid_t child, Outputs outputs, Bounds& bounds) {
  Ended ended;
  ended.ran_away = !read_all(outputs, ended, bounds) || !await_end(child, bounds) || bounds.forks_denied() > 0;
  bounds.kill();  // and what it left behind
  check(::waitpid(child, &ended.status, 0), "wait for the interpreter");
  return ended;
}

Ended without_numbers_of_the_run(Ended ended) {
  static const std::regex address("0x[0-9a-f]{6,}"), pid("\\(node:[0-9]+\\)");
  for (auto* const text : {&ended.out, &ended.err})
    *text = std::regex_replace(std::regex_replace(*text, address, "0xADDRESS"), pid, "(node:PID)");
  return ended;
}

}  // namespace cordon::prestart
