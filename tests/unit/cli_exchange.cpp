// Promise: an answer is read whole, in whatever pieces it comes; its end is noticed when it is there; nobody is waited
// for past a deadline.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <thread>

#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

using namespace cordon;
using namespace cordon::cli;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Does with its one client what it is told to.
class Server {
 public:
  using Manner = std::function<void(int peer)>;
  explicit Server(const Manner& manner) : socket_(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind", path_);
    check(::listen(socket_.get(), 1), "listen");
    thread_ = std::thread([this, manner] {
      const Fd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (peer) manner(peer.get());
    });
  }
  ~Server() {
    ::shutdown(socket_.get(), SHUT_RDWR);  // wakes who waits for a client
    thread_.join();
    ::unlink(path_.c_str());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/cordon-unit-exchange-" + std::to_string(::getpid());
  Fd socket_;
  std::thread thread_;
};

void read_head(int peer) {
  std::string head;
  for (char c = 0; !head.ends_with("\r\n\r\n") && ::read(peer, &c, 1) == 1;) head += c;
}

bool say(int peer, std::string_view bytes) {
  return ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void await_the_clients_end(int peer) {
  pollfd gone{peer, POLLRDHUP, 0};
  ::poll(&gone, 1, 20'000);
}

// Readable after so long.
Fd alarm_after(seconds time) {
  Fd timer(check(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "make a timer"));
  const itimerspec once{{}, {time.count(), 0}};
  check(::timerfd_settime(timer.get(), 0, &once, nullptr), "set a timer");
  return timer;
}

const std::string chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";

}  // namespace

TEST_CASE("an answer is the same in whatever pieces it comes, and by whatever it says where it ends") {
  struct Answer {
    std::string bytes;
    long status;
    std::string body;
    bool ends_with_connection = false;
  };
  const auto answer = GENERATE(values<Answer>({
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {chunked, 200, "four0123456789"},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nup to the end", 200, "up to the end", true},
  }));
  const auto piece = GENERATE(range<std::size_t>(1, 12));
  const Server server([&](int peer) {
    read_head(peer);
    for (std::size_t at = 0; at < answer.bytes.size(); at += piece) {
      if (!say(peer, answer.bytes.substr(at, piece))) return;
      if (piece > 3) std::this_thread::sleep_for(milliseconds(1));
    }
    if (!answer.ends_with_connection) await_the_clients_end(peer);
  });
  const auto response = Client(server.path()).send({"GET", "/v1/info"});
  CHECK(response.status == answer.status);
  CHECK(response.body == answer.body);
}

TEST_CASE("a stream whose last bytes come with its end is over, though the connection stays open") {
  for (const auto* answer : {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"}) {
    const Server server([&](int peer) {
      read_head(peer);
      say(peer, answer);
      await_the_clients_end(peer);
    });
    const auto alarm = alarm_after(seconds(5));
    Stream stream(Client(server.path()), "/v1/events", {});
    CHECK(stream.wait(alarm.get()) == Stream::Event::bytes);
    CHECK(stream.take() == "no");
    CHECK(stream.wait(alarm.get()) == Stream::Event::ended);
    CHECK(stream.wait(alarm.get()) == Stream::Event::ended);
  }
}

TEST_CASE("a stream is given as it comes, and whoever is to be woken is") {
  Fd told(check(::eventfd(0, EFD_CLOEXEC), "make an eventfd"));
  const Server server([&](int peer) {
    read_head(peer);
    say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    std::uint64_t seen = 0;
    check(::read(told.get(), &seen, sizeof seen), "wait for the client");
    say(peer, "3\r\ntwo\r\n");
    await_the_clients_end(peer);
  });
  Stream stream(Client(server.path()), "/v1/events", {});
  CHECK(stream.wait(-1) == Stream::Event::bytes);
  CHECK(stream.status() == 200);
  CHECK(stream.take() == "one");
  const std::uint64_t one = 1;
  check(::write(told.get(), &one, sizeof one), "tell the server");
  CHECK(stream.wait(-1) == Stream::Event::bytes);
  CHECK(stream.take() == "two");
  const auto alarm = alarm_after(seconds(1));
  CHECK(stream.wait(alarm.get()) == Stream::Event::woken);
}

TEST_CASE("a deadline holds against silence, and against an answer without end") {
  const bool talks = GENERATE(false, true);
  const Server server([&](int peer) {
    read_head(peer);
    if (talks) say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (talks && say(peer, "1\r\nx\r\n")) continue;
    if (!talks) await_the_clients_end(peer);
  });
  const auto begun = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(Client(server.path()).send({"PUT", "/v1/kill/all", "{}", {}, milliseconds(300)}),
                    Catch::Contains("does not answer in time"));
  CHECK(std::chrono::steady_clock::now() - begun < seconds(10));
}

TEST_CASE("who answers before all was said is heard, and what breaks off is told") {
  const std::string much(8 << 20, 'x');
  {
    const Server refuses([](int peer) {
      read_head(peer);
      say(peer, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
      await_the_clients_end(peer);
    });
    CHECK(Client(refuses.path()).send({"POST", "/v1/jobs", much}).status == 413);
  }
  const Server cuts([](int peer) {
    read_head(peer);
    say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nonly this");
  });
  CHECK_THROWS_WITH(Client(cuts.path()).send({"GET", "/"}), Catch::Contains("the connection to Cordon broke"));
}

TEST_CASE("what would be more than one line of a request is not sent, and any other key is") {
  const Client nobody("/nonexistent/agent.sock");
  for (const auto* target : {"/v1/jobs/a b", "/v1/jobs/a\r\nX: y"})
    CHECK_THROWS_WITH(nobody.send({"GET", target}), Catch::Contains("cannot be asked for"));
  CHECK_THROWS_WITH(nobody.send({"GET", "/", {}, {"Idempotency-Key: a\r\nX: y"}}),
                    Catch::Contains("cannot be asked for"));
  CHECK_THROWS_WITH(nobody.send({"GET", "/", {}, {"Idempotency-Key: " + std::string(100'000, 'k')}}),
                    Catch::Contains("cannot be asked for"));
  CHECK_THROWS_WITH(nobody.send({"GET", "/", {}, {"Idempotency-Key: sch\u00f6n"}}),
                    Catch::Contains("no Cordon answers"));
  CHECK_THROWS_WITH(Client(std::string(200, 'p')).send({"GET", "/"}), Catch::Contains("too long"));
}
