#include "sandbox/launcher/egress_wall.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/process.hpp"

namespace cordon {

namespace {

constexpr const char* remedy =
    "load it: systemctl restart cordon-egress-wall (cordon-egress-wall --help); without it no job has egress";

[[noreturn]] void no_wall(const char* what) {
  throw KernelError("try the wall of cordon-egress", what, ENOTRECOVERABLE, remedy);
}

constexpr std::uint32_t nobody = 0xc0000201;  // 192.0.2.1: of no host (RFC 5737), and in the set that is denied
constexpr int answer_ms = 200;                // the filter's own answer comes with the call

sockaddr_in place(std::uint32_t address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address);
  out.sin_port = htons(port);
  return out;
}

sockaddr_in loopback(std::uint16_t port) {
  return place(INADDR_LOOPBACK, port);
}

// A socket of that user: what a packet filter reads is whose a socket is, not who sends (nft(8), meta skuid).
Fd socket_of(std::uint32_t uid, int type) {
  EffectiveUser as(uid);
  Fd socket(check(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a socket as cordon-egress"));
  as.leave();
  return socket;
}

// udp(7): EPERM is the packet filter's.
void expect_datagram_refused(std::uint32_t uid) {
  const auto socket = socket_of(uid, SOCK_DGRAM);
  const auto discard = loopback(9);
  const auto sent =
      ::sendto(socket.get(), "", 0, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&discard), sizeof discard);
  if (sent >= 0) no_wall("a datagram of its user passed");
  if (errno != EPERM) check(-1, "send a datagram to loopback as cordon-egress");
}

// To somebody who listens, and so would answer at once on loopback.
void expect_connection_refused(std::uint32_t uid) {
  const Fd listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a listener"));
  auto at = loopback(0);
  check(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind to loopback");
  check(::listen(listener.get(), 1), "listen at loopback");
  socklen_t size = sizeof at;
  check(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size), "read a listener's address");
  const auto socket = socket_of(uid, SOCK_STREAM);
  (void)::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  if (const Fd connected(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); connected)
    no_wall("a connection of its user passed");
}

// On a port that is granted, to an address that nothing but the denied set refuses.
void expect_denied_set(std::uint32_t uid, std::uint16_t port) {
  const auto socket = socket_of(uid, SOCK_STREAM);
  const auto at = place(nobody, port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0 && errno != EINPROGRESS) return;
  pollfd answered{socket.get(), POLLOUT, 0};
  check(::poll(&answered, 1, answer_ms), "wait for the wall's answer");
  int error = 0;
  socklen_t size = sizeof error;
  check(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size), "read the wall's answer");
  if (error == 0) no_wall("a connection of its user to a denied address passed");
}

}  // namespace

void expect_wall(std::uint32_t uid, std::uint16_t granted_port, Facts& facts) {
  expect_datagram_refused(uid);
  expect_connection_refused(uid);
  expect_denied_set(uid, granted_port);
  facts.emplace_back("egress.wall", "a datagram and a connection to loopback, and one to 192.0.2.1, all refused");
}

}  // namespace cordon
