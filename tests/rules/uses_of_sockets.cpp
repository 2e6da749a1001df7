#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/rules/use.hpp"

namespace cordon::test {
namespace {

const sockaddr_un own_path{AF_UNIX, "new"}, listening{AF_UNIX, "socket"};
char bytes[128];
socklen_t size = sizeof bytes;
iovec some{bytes, 1};
int ends[2];
mmsghdr messages[1];

msghdr* message() {
  messages[0].msg_hdr.msg_iov = &some;
  messages[0].msg_hdr.msg_iovlen = 1;
  return &messages[0].msg_hdr;
}

mmsghdr* several() {
  message();
  return messages;
}

// One of a kind that has the option.
int socket_for(const Things& t, std::uint64_t level, std::uint64_t option) {
  if (level == SOL_SOCKET) return option == SO_PASSCRED ? t.local : t.tcp;
  if (level == IPPROTO_TCP) return t.tcp;
  return level == IPPROTO_IPV6 ? t.udp6 : t.udp;
}

// 1 as an int, a linger or a timeval; at least this in a segment's size.
long set_option(const Things& t, std::uint64_t level, std::uint64_t option) {
  const bool is_size = level == IPPROTO_TCP && option == TCP_MAXSEG;
  const std::uint64_t value[2]{is_size ? 1000U : 1U, 0};
  return call(SYS_setsockopt, socket_for(t, level, option), level, option, value, sizeof value);
}

const std::vector<Use> uses{
    {"socket", [](auto&, auto& args) { return call(SYS_socket, *args[0], *args[1] | SOCK_CLOEXEC, *args[2]); }},
    {"socketpair", [](auto&, auto& args) { return call(SYS_socketpair, *args[0], SOCK_STREAM, 0, ends); }},
    {"bind", [](auto& t, auto&) { return call(SYS_bind, t.local, &own_path, sizeof own_path); }},
    {"connect", [](auto& t, auto&) { return call(SYS_connect, t.local, &listening, sizeof listening); }},
    {"listen", [](auto& t, auto&) { return call(SYS_listen, t.listener, 2); }},
    {"accept", [](auto& t, auto&) { return call(SYS_accept, t.listener, nullptr, nullptr); }},
    {"accept4", [](auto& t, auto&) { return call(SYS_accept4, t.listener, nullptr, nullptr, SOCK_CLOEXEC); }},
    {"shutdown", [](auto& t, auto&) { return call(SYS_shutdown, t.pair[0], SHUT_WR); }},
    {"getsockname", [](auto& t, auto&) { return call(SYS_getsockname, t.pair[0], bytes, &size); }},
    {"getpeername", [](auto& t, auto&) { return call(SYS_getpeername, t.pair[0], bytes, &size); }},
    {"getsockopt", [](auto& t, auto&) { return call(SYS_getsockopt, t.tcp, SOL_SOCKET, SO_TYPE, bytes, &size); }},
    {"setsockopt", [](auto& t, auto& args) { return set_option(t, *args[1], *args[2]); }},
    {"sendmsg", [](auto& t, auto&) { return call(SYS_sendmsg, t.pair[0], message(), 0); }},
    {"recvmsg", [](auto& t, auto&) { return call(SYS_recvmsg, t.pair[0], message(), 0); }},
    {"sendto", [](auto& t, auto&) { return call(SYS_sendto, t.pair[0], bytes, 1, 0, nullptr, 0); }},
    {"recvfrom", [](auto& t, auto&) { return call(SYS_recvfrom, t.pair[0], bytes, 1, 0, nullptr, nullptr); }},
    {"sendmmsg", [](auto& t, auto&) { return call(SYS_sendmmsg, t.pair[0], several(), 1, 0); }},
    {"recvmmsg", [](auto& t, auto&) { return call(SYS_recvmmsg, t.pair[0], several(), 1, 0, nullptr); }},
};

}  // namespace

std::vector<Use> uses_of_sockets() {
  return uses;
}

}  // namespace cordon::test
