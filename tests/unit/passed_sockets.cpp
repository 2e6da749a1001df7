// Promise (issue 8): cordond takes the sockets that systemd has made for it, and nothing that merely looks like them.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/ready.hpp"
#include "supervisor/passed_sockets.hpp"

using namespace cordon;

namespace {

// The exit code of a child in which descriptor 3 is `socket`, as if systemd had passed it.
int in_child(int socket, const char* names, const std::function<int()>& act) {
  const auto child = ::fork();
  if (child == 0) {
    if (socket >= 0 && ::dup2(socket, 3) < 0) ::_exit(100);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", socket < 0 ? "0" : "1", 1);
    ::setenv("LISTEN_FDNAMES", names, 1);
    int code = 101;
    try {
      code = act();
    } catch (const KernelError&) {
      code = 7;
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Fd unix_socket(int type, bool listening) {
  Fd socket(::socket(AF_UNIX, type, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // an abstract name of the kernel's choice (unix(7), autobind)
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
  if (listening) REQUIRE(::listen(socket.get(), 5) == 0);
  return socket;
}

}  // namespace

TEST_CASE("a listening Unix socket is taken by its name, and the environment says nothing of it any more") {
  const auto socket = unix_socket(SOCK_STREAM, true);
  CHECK(in_child(socket.get(), "agent.sock", [] {
          const auto passed = take_passed_sockets();
          if (passed.size() != 1 || !passed.contains("agent.sock")) return 1;
          return std::getenv("LISTEN_FDS") == nullptr && take_passed_sockets().empty() ? 0 : 2;
        }) == 0);
}

TEST_CASE("what is passed and does not listen, or is of another kind, ends cordond") {
  const auto take = [] { return static_cast<int>(take_passed_sockets().size()); };
  CHECK(in_child(unix_socket(SOCK_STREAM, false).get(), "agent.sock", take) == 7);
  CHECK(in_child(unix_socket(SOCK_SEQPACKET, true).get(), "agent.sock", take) == 7);
  const Fd tcp(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::listen(tcp.get(), 5) == 0);
  CHECK(in_child(tcp.get(), "agent.sock", take) == 7);
}

TEST_CASE("sockets that were meant for another process are not taken") {
  const auto socket = unix_socket(SOCK_STREAM, true);
  CHECK(in_child(socket.get(), "agent.sock", [] {
          ::setenv("LISTEN_PID", "1", 1);
          return static_cast<int>(take_passed_sockets().size());
        }) == 0);
  CHECK(in_child(-1, "", [] { return static_cast<int>(take_passed_sockets().size()); }) == 0);
}

TEST_CASE("the watchdog's time is taken only when it is for us, and is a time") {
  const auto with = [](const char* time, const char* pid) {
    ::setenv("WATCHDOG_USEC", time, 1);
    pid == nullptr ? ::unsetenv("WATCHDOG_PID") : ::setenv("WATCHDOG_PID", pid, 1);
    const auto found = watchdog_time();
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    return found;
  };
  CHECK(with("30000000", nullptr) == std::chrono::seconds(30));
  CHECK(with("30000000", std::to_string(::getpid()).c_str()) == std::chrono::seconds(30));
  CHECK_FALSE(with("30000000", "1"));
  CHECK_FALSE(with("0", nullptr));
  CHECK_FALSE(with("soon", nullptr));
  CHECK_FALSE(watchdog_time());
}
