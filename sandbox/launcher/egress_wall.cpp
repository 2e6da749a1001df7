#include "sandbox/launcher/egress_wall.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "profiles/ipv4.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/process.hpp"

namespace cordon {

namespace {

constexpr const char* remedy =
    "load it: systemctl restart cordon-egress-wall (cordon-egress-wall --help); without it no job has egress";

[[noreturn]] void no_wall(const char* what) {
  throw KernelError("try the wall of cordon-egress", what, ENOTRECOVERABLE, remedy);
}

// 192.0.2.1 and 203.0.113.1: of no host (RFC 5737), and in the set that is denied.
constexpr std::array<std::uint32_t, 2> nobody{0xc0000201, 0xcb007101};
constexpr int answer_ms = 1000;  // the filter's own comes with the call, or as soon as this processor gets to it
constexpr int one_hop = 1;       // no router passes on what the filter has let pass (ip(7), IP_TTL)

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

Fd open_socket(int type) {
  return Fd(check(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a socket to try the wall with"));
}

// Of that user: what a packet filter reads is whose a socket is, not who sends (nft(8), meta skuid).
Fd socket_of(std::uint32_t uid, int type) {
  EffectiveUser as(uid);
  auto socket = open_socket(type);
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
void expect_loopback_refused(std::uint32_t uid) {
  const auto listener = open_socket(SOCK_STREAM);
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

// What a route says, or that there is none (ip(7), rtnetlink(7): unreachable, blackhole, prohibit).
bool is_of_routing(int error) {
  return error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL || error == EACCES;
}

enum class Answer { refused, none, no_route, another };

// On a port that is granted, to an address that nothing but the denied set refuses: with a reset, which comes over lo.
Answer ask_wall(std::uint32_t uid, std::uint32_t address, std::uint16_t port) {
  const auto socket = socket_of(uid, SOCK_STREAM);
  check(::setsockopt(socket.get(), IPPROTO_IP, IP_TTL, &one_hop, sizeof one_hop), "let a packet go one hop");
  const auto at = place(address, port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0 && errno != EINPROGRESS) {
    if (!is_of_routing(errno)) check(-1, "try the wall with a connection to", to_text(address));
    return Answer::no_route;
  }
  pollfd answered{socket.get(), POLLOUT, 0};
  if (check(::poll(&answered, 1, answer_ms), "wait for the wall's answer") == 0) return Answer::none;
  int error = 0;
  socklen_t size = sizeof error;
  check(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size), "read the wall's answer");
  return error == ECONNREFUSED ? Answer::refused : Answer::another;
}

// Which of them it was tried with; "" where no route leads to any.
std::string expect_denied_set(std::uint32_t uid, std::uint16_t port) {
  for (const auto address : nobody) {
    const auto answer = ask_wall(uid, address, port);
    if (answer == Answer::refused) return to_text(address);
    if (answer == Answer::no_route) return "";
    if (answer == Answer::another) no_wall("a connection of its user to a denied address passed");
  }
  no_wall(
      "no answer: connections to denied addresses pass, or a rule of this host drops on lo what comes from "
      "192.0.2.0/24 and 203.0.113.0/24");
}

}  // namespace

void expect_wall(std::uint32_t uid, std::uint16_t granted_port, Facts& facts) {
  expect_datagram_refused(uid);
  auto refused = expect_denied_set(uid, granted_port);
  if (refused.empty()) {
    expect_loopback_refused(uid);
    refused = "loopback (no route leads to 192.0.2.1)";
  }
  facts.emplace_back("egress.wall",
                     fmt::format("a datagram to loopback and a connection to {}, both refused", refused));
}

}  // namespace cordon
