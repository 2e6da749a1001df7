#include "tests/prestart/ended.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <regex>

#include "sandbox/kernel/check.hpp"

namespace cordon::prestart {

namespace {

constexpr int patience_ms = 60000;

// False at its end.
bool read_some(Fd& from, std::string& into) {
  std::array<char, 65536> buffer{};
  const auto n = check(::read(from.get(), buffer.data(), buffer.size()), "read what it says");
  into.append(buffer.data(), static_cast<std::size_t>(n));
  if (n == 0) from.reset();
  return n != 0;
}

}  // namespace

std::ostream& operator<<(std::ostream& to, const Ended& ended) {
  if (WIFSIGNALED(ended.status))
    to << "signal " << WTERMSIG(ended.status);
  else
    to << "code " << WEXITSTATUS(ended.status);
  return to << "\n--- stdout\n" << ended.out << "\n--- stderr\n" << ended.err << "\n---";
}

Ended wait_for(pid_t child, Outputs outputs) {
  Ended ended;
  while (outputs.out || outputs.err) {
    std::array<pollfd, 2> wanted{{{outputs.out.get(), POLLIN, 0}, {outputs.err.get(), POLLIN, 0}}};
    if (check(::poll(wanted.data(), wanted.size(), patience_ms), "poll") == 0) {
      ::kill(-child, SIGKILL);  // it leads a session, and so a process group
      ended.err += "[the test lost its patience]";
    }
    if (wanted[0].revents != 0) read_some(outputs.out, ended.out);
    if (wanted[1].revents != 0) read_some(outputs.err, ended.err);
  }
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
