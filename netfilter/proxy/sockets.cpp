#include "netfilter/proxy/sockets.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cordon::egress {

namespace {

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_socket(int fd, int type, Ipv4 address, std::uint16_t port) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0 || bound.sin_family != AF_INET) return false;
  const bool listening = type == SOCK_DGRAM || option(fd, SO_ACCEPTCONN) == 1;
  return option(fd, SO_DOMAIN) == AF_INET && option(fd, SO_TYPE) == type && listening &&
         ntohl(bound.sin_addr.s_addr) == address && ntohs(bound.sin_port) == port;
}

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Endpoint endpoint_of(const IpAddress& address, std::uint16_t port) {
  Endpoint out;
  if (address.is_v6()) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.octets().data(), sizeof v6.sin6_addr);
    out.size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(address.v4());
    out.size = sizeof v4;
  }
  return out;
}

bool has_address(const sockaddr_storage& storage, const IpAddress& address) {
  if (address.is_v6())
    return std::memcmp(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, address.octets().data(), 16) == 0;
  return ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) == address.v4();
}

// tcp(7), SIOCOUTQNSD
std::uint32_t not_sent(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQNSD, &bytes) == 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

bool disconnect(int fd) {
  const sockaddr nobody{AF_UNSPEC, {}};
  return ::connect(fd, &nobody, sizeof nobody) == 0;
}

// Sends an RST and throws away what was not sent: how much? To look and then to close is too late by what the kernel
// sends in between, megabytes on a busy machine. So the connection ends, but not the socket (connect(2), AF_UNSPEC),
// which can still be asked. It then says more, by as much as it moved its next sequence number away from the old
// connection's (tcp_disconnect() in net/ipv4/tcp.c: the largest window, and 2); a second time moves it as far again.
std::uint64_t discard(int fd) {
  const auto before = not_sent(fd);
  if (before == 0 || !disconnect(fd)) return before;
  const auto once = not_sent(fd);
  if (!disconnect(fd)) return before;
  const auto twice = not_sent(fd);
  return std::min(before, once - (twice - once));
}

}  // namespace

bool are_listeners_of(const EgressJob& job, std::vector<Descriptor>& fds) {
  constexpr std::uint16_t dns = 53;
  const auto ports = ports_of(job.grants);
  if (fds.size() != 2 + ports.size()) return false;
  if (!is_socket(fds[0].native_handle(), SOCK_DGRAM, job.resolver, dns)) return false;
  if (!is_socket(fds[1].native_handle(), SOCK_STREAM, job.resolver, dns)) return false;
  for (std::size_t i = 0; i < ports.size(); ++i)
    if (!is_socket(fds[2 + i].native_handle(), SOCK_STREAM, INADDR_ANY, ports[i])) return false;
  return true;
}

Destination destination_of(const tcp::socket& accepted) {
  error_code error;
  const auto local = accepted.local_endpoint(error);
  if (error || !local.address().is_v4()) return {};
  return {static_cast<Ipv4>(local.address().to_v4().to_uint()), local.port()};
}

std::uint64_t reset(tcp::socket& socket) {
  error_code ignored;
  const auto discarded = discard(socket.native_handle());
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
  return discarded;
}

std::uint64_t unsent(tcp::socket& socket) {
  error_code gone;
  socket.remote_endpoint(gone);
  return gone ? 0 : not_sent(socket.native_handle());
}

void be_writable_when_sent(tcp::socket& socket) {
  const int least = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &least, sizeof least);
}

bool is_walled() {
  constexpr std::uint16_t discard = 9;
  static int fd = -1;  // for good: each flow asks twice
  if (fd < 0) fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;  // not known: nothing is let out
  const auto to = endpoint_of(IpAddress(Ipv4{INADDR_LOOPBACK}), discard);
  // EPERM is the packet filter's (udp(7)).
  const auto sent = ::sendto(fd, "", 0, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to.storage), to.size);
  return sent < 0 && errno == EPERM;
}

bool is_own_address(const IpAddress& address) {
  constexpr std::uint16_t any_port = 9;
  const int fd = ::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // not known: not dialled
  auto to = endpoint_of(address, any_port);
  Endpoint from;
  from.size = sizeof from.storage;
  bool own = false;
  // A local route's source is the destination itself (ip(7)); without a route there is nothing to dial either.
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to.storage), to.size) == 0)
    own = ::getsockname(fd, reinterpret_cast<sockaddr*>(&from.storage), &from.size) != 0 ||
          has_address(from.storage, address);
  ::close(fd);
  return own;
}

asio::ip::address to_asio(const IpAddress& address) {
  if (!address.is_v6()) return asio::ip::address_v4(address.v4());
  asio::ip::address_v6::bytes_type bytes{};
  std::copy(address.octets().begin(), address.octets().end(), bytes.begin());
  return asio::ip::address_v6(bytes);
}

}  // namespace cordon::egress
