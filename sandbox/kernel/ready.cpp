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

void notify_systemd(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw KernelError("notify systemd at", path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const Fd socket(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket for", path));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  constexpr char message[] = "READY=1";
  check(::sendto(socket.get(), message, sizeof message - 1, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size),
        "notify systemd at", path);
}

}  // namespace

void announce_ready(int ready_fd) {
  if (const char* path = std::getenv("NOTIFY_SOCKET")) notify_systemd(path);
  if (ready_fd < 0) return;
  const Fd fd(ready_fd);
  check(::write(fd.get(), "\n", 1), "write to the ready descriptor");
}

}  // namespace cordon
