#include "netfilter/proxy/ready.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "netfilter/proxy/system_call.hpp"

namespace cordon::egress {

namespace {

void notify_systemd(const std::string& path) {
  constexpr std::string_view message = "READY=1";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int fd = checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket for systemd");
  checked(::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size),
          "notify systemd");
  ::close(fd);
}

}  // namespace

void announce_ready(int ready_fd) {
  if (const char* path = std::getenv("NOTIFY_SOCKET")) notify_systemd(path);
  if (ready_fd < 0) return;
  checked(::write(ready_fd, "\n", 1), "write to the ready descriptor");
  ::close(ready_fd);
}

}  // namespace cordon::egress
