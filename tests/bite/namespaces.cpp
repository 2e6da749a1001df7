// Bite (issue "Containment, proven", must show): without a namespace of its own, a job would find the host's.
#include <linux/keyctl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "tests/bite/wall.hpp"

using namespace cordon::bite;
using cordon::check;

namespace {

cordon::Fd listen_at(const std::string& abstract_name) {
  cordon::Fd socket(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  abstract_name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(sizeof address.sun_family + 1 + abstract_name.size());
  check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), "bind");
  check(::listen(socket.get(), 8), "listen");
  return socket;
}

}  // namespace

TEST_CASE("a job finds no process of the host: it has a pid namespace of its own", "[bite][threat:shared-ipc]") {
  const Ground ground;
  expect_bite(ground, {{Step::pid_namespace}, over("process", std::to_string(::getpid()))});
}

TEST_CASE("an abstract socket of the host is out of reach by the network namespace and by Landlock, each alone",
          "[bite][threat:shared-ipc]") {
  const Ground ground;
  const auto name = "cordon-bite-" + std::to_string(::getpid());
  const auto listener = listen_at(name);
  expect_bite(ground, {{Step::net_namespace, Step::landlock}, over("connect", name), {}, 6});
}

TEST_CASE("System V memory of the host is out of reach by the ipc namespace and by the filter, each alone",
          "[bite][threat:shared-ipc]") {
  const Ground ground;
  const int id = check(::shmget(IPC_PRIVATE, 4096, 0666), "shmget");
  expect_bite(ground, {{Step::ipc_namespace, Step::seccomp}, over("memory-of-host", std::to_string(id))});
  ::shmctl(id, IPC_RMID, nullptr);
}

TEST_CASE("a job does not know the host's name: it has a uts namespace of its own", "[bite][threat:shared-ipc]") {
  const Ground ground;
  std::array<char, 256> name{};
  check(::gethostname(name.data(), name.size() - 1), "gethostname");
  expect_bite(ground, {{Step::uts_namespace}, over("host", name.data())});
}

TEST_CASE("a job does not know its cgroups: it has a cgroup namespace of its own", "[bite][threat:shared-ipc]") {
  const Ground ground;
  expect_bite(ground, {{Step::cgroup_namespace}, over("cgroup")});
}

TEST_CASE("a key of whoever started Cordon is out of reach by a new session keyring and by the filter, each alone",
          "[bite][threat:shared-ipc]") {
  const Ground ground;
  const auto name = "cordon-bite-" + std::to_string(::getpid());
  check(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr), "join a session keyring of the test's");
  const auto key = check(::syscall(SYS_add_key, "user", name.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING), "add a key");
  expect_bite(ground, {{Step::keyring, Step::seccomp}, over("key", name)});
  ::syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_SESSION_KEYRING);
}
