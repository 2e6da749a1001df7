#include "sandbox/kernel/ready.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

namespace {

void send_to(const std::string& path, std::string_view state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw KernelError("notify systemd at", path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const Fd socket(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket for", path));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  check(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size),
        "notify systemd at", path);
}

// The decimal number that an environment variable holds; nullopt: none, or something else.
std::optional<long long> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const auto value = std::strtoll(text, &end, 10);
  return end != text && *end == '\0' ? std::optional(value) : std::nullopt;
}

}  // namespace

void notify_systemd(std::string_view state) {
  if (const char* path = std::getenv("NOTIFY_SOCKET")) send_to(path, state);
}

std::optional<std::chrono::microseconds> watchdog_time() {
  const auto time = number_in("WATCHDOG_USEC");
  if (!time || *time <= 0 || number_in("WATCHDOG_PID").value_or(::getpid()) != ::getpid()) return std::nullopt;
  return std::chrono::microseconds(*time);
}

void announce_ready(int ready_fd) {
  notify_systemd("READY=1");
  if (ready_fd < 0) return;
  const Fd fd(ready_fd);
  check(::write(fd.get(), "\n", 1), "write to the ready descriptor");
}

}  // namespace cordon
