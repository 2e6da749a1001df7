#include "supervisor/passed_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "sandbox/kernel/check.hpp"

namespace cordon {
namespace {

constexpr int first_passed = 3;
constexpr int most_passed = 16;  // there are two

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);  // whoever we start has none of them
  return text;
}

int number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

int option_of(int socket, int option, const std::string& name) {
  int value = 0;
  socklen_t size = sizeof value;
  check(::getsockopt(socket, SOL_SOCKET, option, &value, &size), "look at the passed socket", name);
  return value;
}

void expect_listening(int socket, const std::string& name) {
  if (option_of(socket, SO_DOMAIN, name) == AF_UNIX && option_of(socket, SO_TYPE, name) == SOCK_STREAM &&
      option_of(socket, SO_ACCEPTCONN, name) != 0)
    return;
  throw KernelError("listen at the passed socket", name, ENOTSOCK,
                    "ListenStream=, in a unit of its own, with Accept=no");
}

}  // namespace

PassedSockets take_passed_sockets() {
  const auto pid = variable("LISTEN_PID"), count_text = variable("LISTEN_FDS"), names = variable("LISTEN_FDNAMES");
  if (number(pid) != ::getpid()) return {};
  const int count = number(count_text);
  if (count < 0 || count > most_passed) throw KernelError("take passed sockets", count_text, EINVAL);
  PassedSockets passed;
  std::size_t at = 0;
  for (int i = 0; i < count; ++i) {
    const auto end = names.find(':', at);
    const auto name = names.substr(at, end == std::string::npos ? end : end - at);
    at = end == std::string::npos ? names.size() : end + 1;
    Fd socket(first_passed + i);
    check(::fcntl(socket.get(), F_SETFD, FD_CLOEXEC), "keep to ourselves the passed socket", name);
    expect_listening(socket.get(), name);
    if (!passed.emplace(name, std::move(socket)).second)
      throw KernelError("take passed sockets", name, EEXIST, "FileDescriptorName= must differ");
  }
  return passed;
}

}  // namespace cordon
