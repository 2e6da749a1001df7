// One connection and its end: what it is cut by, how long it may idle, what its answers may hold.
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <list>

#include "supervisor/http/session.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

// A connection without a cordond around it.
struct Loop {
  explicit Loop(Clock::duration idle_time = 75s) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    client = Fd(ends[0]);
    Socket socket(io, asio::generic::stream_protocol(AF_UNIX, 0), ends[1]);
    const Caller caller{1000, Role::agent, account_of(1000)};
    Commons commons{metrics, turns, answers, idle_time};
    connection = std::make_shared<Connection>(std::move(socket), caller, std::move(commons));
  }

  std::string read_for(Clock::duration time) {
    io.restart();
    io.run_for(time);
    char bytes[4096];
    const auto n = ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(n));
  }

  asio::io_context io;
  Metrics metrics;
  Turns turns{io.get_executor()};
  BodyBudget answers{1 << 20}, bodies{1 << 20};
  Fd client;
  ConnectionPtr connection;
};

constexpr auto request = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";  // no such path: nothing of an Api is touched

}  // namespace

TEST_CASE("a connection that is cut when its deadline falls due has been cut, and has not expired",
          "[threat:slow-clients]") {
  Loop loop;
  auto& connection = *loop.connection;
  bool cut = false;
  const auto cut_it = [&] {
    connection.cut();
    cut = true;
  };
  // The deadline is over before anything runs: the cut, which is queued first, comes between it and its handler.
  asio::post(loop.io, [&] {
    connection.expire_after(1ms);
    const auto due = Clock::now() + 2ms;
    while (Clock::now() < due) {
    }
    asio::post(loop.io, cut_it);
  });
  loop.io.run();
  CHECK(cut);
  CHECK_FALSE(connection.expired());
  CHECK(connection.client->gone);
  CHECK_FALSE(connection.socket.is_open());
}

TEST_CASE("a connection that has expired can still be cut", "[threat:slow-clients]") {
  Loop loop;
  auto& connection = *loop.connection;
  connection.expire_after(1ms);
  loop.io.run();
  CHECK(connection.expired());
  connection.cut();
  CHECK(connection.client->gone);
  CHECK_FALSE(connection.socket.is_open());
}

TEST_CASE("a connection may idle between its requests for so long, and is closed then", "[threat:slow-clients]") {
  Loop loop(600ms);
  asio::co_spawn(loop.io, serve_connection(std::move(loop.connection), nullptr, loop.bodies), asio::detached);
  for (int requests = 0; requests < 3; ++requests) {
    CHECK(loop.read_for(200ms) == "nothing");  // still open
    REQUIRE(::send(loop.client.get(), request, std::strlen(request), 0) > 0);
    CHECK(loop.read_for(100ms).starts_with("HTTP/1.1 404 "));
  }
  CHECK(loop.read_for(800ms).empty());                 // the end
  CHECK(Loop().connection->commons.idle_time == 75s);  // as operations.md has it
}

TEST_CASE("what is read back from the journal for streams of events is bounded", "[threat:slow-clients]") {
  Instance instance;
  constexpr auto size = "16000000";  // of which a user's half of the memory for answers holds eight
  const auto id =
      instance.submit(R"({"argv": ["flood", ")" + std::string(size) + R"("], "limits": {"output_bytes": 16777216}})");
  REQUIRE(instance.finished(id).at("outcome").at("kind") == "exited");
  instance.restart_daemon();
  std::list<HttpClient> readers;  // who read nothing but the beginning
  int streams = 0, refused = 0;
  for (int i = 0; i < 10; ++i) {
    readers.push_back(instance.agent());
    readers.back().send("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto status = readers.back().read_until("\r\n");
    streams += status.starts_with("HTTP/1.1 200") ? 1 : 0;
    refused += status.starts_with("HTTP/1.1 503") ? 1 : 0;
  }
  CHECK(streams == 8);
  CHECK(refused == 2);
}
