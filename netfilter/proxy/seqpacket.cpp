#include "netfilter/proxy/seqpacket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "netfilter/egress_job.hpp"
#include "netfilter/proxy/system_call.hpp"

namespace cordon::egress {

namespace {

constexpr int backlog = 1024;
constexpr std::size_t control_room = CMSG_SPACE(sizeof(int) * max_egress_fds);

void take_descriptors(const Descriptor::executor_type& executor, msghdr& message, Packet& packet) {
  for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      if (auto taken = waitable(executor, fd)) packet.fds.push_back(std::move(*taken));
    }
  }
}

}  // namespace

std::optional<Descriptor> waitable(const Descriptor::executor_type& executor, int fd) {
  Descriptor out(executor);
  error_code failed;
  out.assign(fd, failed);
  if (failed) ::close(fd);
  return failed ? std::nullopt : std::optional(std::move(out));
}

int listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = checked(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a socket");
  ::unlink(path.c_str());
  const auto old_mask = ::umask(0111);
  const int bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::umask(old_mask);
  checked(bound, "bind the socket");
  checked(::listen(fd, backlog), "listen");
  return fd;
}

std::optional<std::uint32_t> uid_of_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return std::nullopt;
  return peer.uid;
}

Packet receive_packet(Descriptor& socket, std::size_t max_bytes, std::size_t max_fds) {
  Packet packet;
  packet.bytes.resize(max_bytes);
  alignas(cmsghdr) char control[control_room];
  iovec iov{packet.bytes.data(), packet.bytes.size()};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  do n = ::recvmsg(socket.native_handle(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  packet.bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (n < 0) {
    packet.state = errno == EAGAIN ? Packet::State::nothing_yet : Packet::State::closed;
    return packet;
  }
  take_descriptors(socket.get_executor(), message, packet);
  const bool cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || packet.fds.size() > max_fds;
  if (cut)
    packet.state = Packet::State::broken;
  else
    packet.state = n == 0 ? Packet::State::closed : Packet::State::whole;
  return packet;
}

Sent send_packet(Descriptor& socket, std::string_view bytes) {
  ssize_t n = 0;
  do n = ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return Sent::whole;
  return errno == EAGAIN || errno == ENOBUFS ? Sent::no_room : Sent::failed;
}

}  // namespace cordon::egress
