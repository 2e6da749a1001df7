// What cordon-egress may still call once it serves: tried in a child that is confined as it is.
#include "netfilter/proxy/confine.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <functional>
#include <initializer_list>

using cordon::egress::confine;

namespace {

// What the kernel answers to it there: an errno, or 0. -1: it was the end of the child.
int confined(const std::function<long()>& call) {
  const auto pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    try {
      confine();
    } catch (...) {
      ::_exit(255);
    }
    errno = 0;
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int socket_of(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  return confined([=] { return ::syscall(SYS_socket, family, type, protocol); });
}

}  // namespace

TEST_CASE("cordon-egress can open sockets for TCP and UDP, and of no other kind") {
  for (const auto family : {AF_INET, AF_INET6}) {
    for (const auto flags : {0, SOCK_CLOEXEC | SOCK_NONBLOCK}) {
      CHECK(socket_of(family, SOCK_STREAM | flags, 0) == 0);
      CHECK(socket_of(family, SOCK_STREAM | flags, IPPROTO_TCP) == 0);
      CHECK(socket_of(family, SOCK_DGRAM | flags, 0) == 0);
      CHECK(socket_of(family, SOCK_DGRAM | flags, IPPROTO_UDP) == 0);
    }
    for (const int protocol : std::initializer_list<int>{IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDPLITE, IPPROTO_RAW})
      CHECK(socket_of(family, SOCK_DGRAM, protocol) == EPERM);
    for (const int protocol : std::initializer_list<int>{IPPROTO_SCTP, IPPROTO_MPTCP})
      CHECK(socket_of(family, SOCK_STREAM, protocol) == EPERM);
    for (const int type : std::initializer_list<int>{SOCK_RAW, SOCK_SEQPACKET, SOCK_DCCP})
      CHECK(socket_of(family, type, 0) == EPERM);
  }
  for (const auto family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP, AF_TIPC, AF_BLUETOOTH})
    for (const int type : std::initializer_list<int>{SOCK_STREAM, SOCK_DGRAM, SOCK_RAW})
      CHECK(socket_of(family, type, 0) == EPERM);
  // What lies above the 32 bits that the kernel reads changes nothing.
  CHECK(socket_of(std::uint64_t{1} << 32 | AF_UNIX, SOCK_STREAM, 0) == EPERM);
  CHECK(socket_of(AF_UNIX, std::uint64_t{1} << 32 | SOCK_STREAM, 0) == EPERM);
  CHECK(socket_of(AF_INET, SOCK_STREAM, std::uint64_t{1} << 32 | IPPROTO_SCTP) == EPERM);
}

TEST_CASE("cordon-egress has no files, starts nothing, and looks into nobody") {
  const auto parent = ::getpid();
  CHECK(confined([] { return ::syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_open, "/", O_RDONLY); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_unlinkat, AT_FDCWD, "/nothing", 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_clone3, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_fork); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_ptrace, 0, 0, 0, 0); }) == EPERM);
  CHECK(confined([=] { return ::syscall(SYS_process_vm_readv, parent, nullptr, 0, nullptr, 0, 0); }) == EPERM);
  CHECK(confined([=] { return ::syscall(SYS_kill, parent, 0); }) == EPERM);
  CHECK(confined([=] { return ::syscall(SYS_pidfd_open, parent, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_bpf, 0, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_setns, -1, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_unshare, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_bind, -1, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_listen, -1, 0); }) == EPERM);
}
