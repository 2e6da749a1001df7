// The three doors: TLS that is not opened, HTTP that is written anew, bytes; what passes and what the far side sees.
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <thread>

#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using End = Connection::Received::End;

Ipv4 address_in(const EgressJob& job, const std::string& name) {
  for (const auto& synthetic : job.names)
    if (synthetic.name == name) return synthetic.address;
  throw std::runtime_error("no such name: " + name);
}

// Of the far side, but for DNS over TCP.
std::vector<Json> far_connections(World& world) {
  std::vector<Json> out;
  const auto counts = world.counts();
  for (const auto& one : counts["connections"])
    if (one["port"] != 53) out.push_back(one);
  return out;
}

// The first one that is told: by itself, or a second later as one more of its kind.
std::optional<FlowReason> told_denial(Watcher& watcher) {
  for (int i = 0; i < 1000; ++i) {
    for (const auto& one : watcher.all<FlowDecided>()) return one.reason;
    for (const auto& one : watcher.all<DeniedAgain>()) return one.reason;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("TLS to a granted name reaches that name, and every byte is counted alike on both sides") {
  World world;
  world.name("example.com", {{"93.184.216.34"}});
  Proxy proxy(world);
  const auto job = job_of({grant("example.com", {443}, EgressMode::passthrough)});
  auto open = proxy.open(job);
  REQUIRE(open.served());

  CHECK(ask_dns(world, "example.com").address == address_in(job, "example.com"));
  run_in(world.sandbox(), {"curl", "-sS", "--max-time", "20", "--cacert", world.directory() + "/cert.pem", "--resolve",
                           "example.com:443:" + to_text(address_in(job, "example.com")), "-o", "/dev/null",
                           "https://example.com/bytes/100000"});
  const auto decided = proxy.watcher().wait_for<FlowDecided>();
  const auto closed = proxy.watcher().wait_for<FlowClosed>();
  REQUIRE(decided.size() == 1);
  CHECK(decided[0].allowed());
  CHECK(decided[0].name == "example.com");
  CHECK(decided[0].server_name == "example.com");
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].dialled == parse_ip_address("93.184.216.34"));
  const auto far = far_connections(world);
  REQUIRE(far.size() == 1);
  CHECK(far[0]["address"] == "93.184.216.34");
  CHECK(far[0]["in"] == closed[0].bytes_up);
  CHECK(far[0]["out"] == closed[0].bytes_down);
  CHECK(closed[0].bytes_down > 100'000);
  CHECK(world.counts()["queries"].size() == 2);  // A and AAAA, once

  open.close();
  const auto totals = proxy.watcher().wait_for<JobClosed>();
  REQUIRE(totals.size() == 1);
  CHECK(totals[0].flows_allowed == 1);
  CHECK(totals[0].bytes_up == closed[0].bytes_up);
  CHECK(totals[0].bytes_down == closed[0].bytes_down);
}

TEST_CASE("what TLS says that is not the granted name gets an alert, and nothing is resolved or dialled") {
  World world;
  world.name("example.com", {{"93.184.216.34"}});
  world.name("www.example.com", {{"93.184.216.34"}});
  Proxy proxy(world);
  const auto job = job_of({grant("example.com", {443}, EgressMode::passthrough)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  const std::string ech("\xfe\x0d\x00\x01\x00", 5);
  const std::vector<std::pair<std::string, FlowReason>> hellos{
      {client_hello(""), FlowReason::no_server_name},
      {client_hello("www.example.com"), FlowReason::server_name_differs},
      {client_hello("example.com."), FlowReason::server_name_differs},
      {client_hello(std::string("example.com\0.evil.test", 21)), FlowReason::server_name_differs},
      {client_hello("93.184.216.34"), FlowReason::server_name_differs},
      {client_hello("example.com", ech), FlowReason::encrypted_client_hello},
      {tls_record(std::string(40, '\x02')), FlowReason::bad_client_hello},
      {"\x16\x03\x01\x40\x01" + std::string(0x4001, 'x'), FlowReason::bad_client_hello},
  };
  for (const auto& [hello, reason] : hellos) {
    INFO(to_string(reason));
    proxy.watcher().forget();
    Connection connection(world, address_in(job, "example.com"), 443);
    CHECK(connection.ask(hello).bytes == std::string("\x15\x03\x03\x00\x02\x02\x31", 7));
    CHECK(told_denial(proxy.watcher()) == reason);
  }
  Connection plain(world, address_in(job, "example.com"), 443);
  CHECK(plain.ask("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").end == End::reset);
  CHECK(world.counts()["queries"].empty());
  CHECK(world.counts()["packets"].empty());
}

TEST_CASE("a hello in many pieces and records, and 0-RTT behind it, pass whole and only once allowed") {
  World world;
  world.name("example.com", {{"93.184.216.34"}});
  Proxy proxy(world);
  auto in_pieces = grant("example.com", {443}, EgressMode::passthrough);
  in_pieces.ports = {7001};
  const auto job = job_of({in_pieces});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  const auto whole = client_hello("example.com", std::string("\x00\x2a\x00\x00", 4)).substr(5);
  const auto records = tls_record(whole.substr(0, 10)) + tls_record(whole.substr(10, 1)) + tls_record(whole.substr(11));
  const auto early = tls_record("early application data", 23);
  Connection connection(world, address_in(job, "example.com"), 7001);
  for (const char c : records) {
    connection.send({&c, 1});
  }
  connection.send(early);
  connection.end_of_bytes();
  const auto closed = proxy.watcher().wait_for<FlowClosed>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].bytes_up == records.size() + early.size());
  const auto far = far_connections(world);
  REQUIRE(far.size() == 1);
  CHECK(far[0]["in"] == closed[0].bytes_up);
}

TEST_CASE("a second hello that the server asks for passes for the same name, and no byte of one for another") {
  World world;
  world.name("example.com", {{"93.184.216.34"}});
  Proxy proxy(world);
  const auto job = job_of({grant("example.com", {7005}, EgressMode::passthrough)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  const auto first = client_hello("example.com"), same = client_hello("EXAMPLE.com"),
             other = client_hello("www.example.com");
  Connection good(world, address_in(job, "example.com"), 7005);
  good.send(first);
  REQUIRE_FALSE(good.receive(std::chrono::seconds(10), 5).bytes.empty());
  good.send(same);
  good.end_of_bytes();
  CHECK(proxy.watcher().wait_for<FlowClosed>(1).at(0).bytes_up == first.size() + same.size());

  Connection bad(world, address_in(job, "example.com"), 7005);
  bad.send(first);
  REQUIRE_FALSE(bad.receive(std::chrono::seconds(10), 5).bytes.empty());
  bad.send(other);
  CHECK(bad.receive(std::chrono::seconds(10)).end == End::reset);
  Connection ahead(world, address_in(job, "example.com"), 7005);  // before anybody has asked for it
  CHECK(ahead.ask(first + other).end == End::reset);

  const auto closed = proxy.watcher().wait_for<FlowClosed>(3);
  REQUIRE(closed.size() == 3);
  CHECK(closed[1].reason == FlowReason::server_name_differs);
  CHECK(closed[2].reason == FlowReason::bad_client_hello);
  const auto far = far_connections(world);
  REQUIRE(far.size() >= 2);
  CHECK(far[0]["in"] == first.size() + same.size());
  CHECK(far[1]["in"] == first.size());
  CHECK(far[1]["in"] == closed[1].bytes_up);
  CHECK(closed[2].bytes_up == first.size());  // a reset may overtake what it ends: the far side may not see it at all
  if (far.size() == 3) CHECK(far[2]["in"] <= first.size());
}

TEST_CASE(
    "an HTTP request to a granted name is written anew, its answer comes back, and one connection is one request") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world);
  const auto job = job_of({grant("a.test", {80, 8080}, EgressMode::http)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  Connection connection(world, address_in(job, "a.test"), 80);
  const std::string first =
      "POST /path?q=1 HTTP/1.1\r\nHost: A.TEST\r\nTransfer-Encoding: chunked\r\nX-Mine: yes\r\n"
      "Connection: keep-alive\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const auto received = connection.ask(first + "GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n");
  CHECK(received.bytes.starts_with("HTTP/1.1 200 OK"));
  CHECK(received.bytes.ends_with("hello\n"));
  const auto closed = proxy.watcher().wait_for<FlowClosed>();
  REQUIRE(closed.size() == 1);
  const auto far = far_connections(world);
  REQUIRE(far.size() == 1);
  CHECK(far[0]["text"] ==
        "POST /path?q=1 HTTP/1.1\r\nHost: a.test\r\nX-Mine: yes\r\nTransfer-Encoding: chunked\r\nConnection: "
        "close\r\n\r\n"
        "5\r\nhello\r\n0\r\n\r\n");
  CHECK(far[0]["in"] == closed[0].bytes_up);
  CHECK(far[0]["out"] == closed[0].bytes_down);
  Connection other(world, address_in(job, "a.test"), 8080);
  CHECK(other.ask("GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n").bytes.starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE(
    "a request that is not for the granted name, or that two readers could read differently, is refused in HTTP") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world);
  const auto job = job_of({grant("a.test", {80}, EgressMode::http)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  const std::vector<std::pair<std::string, std::string>> requests{
      {"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n", "421 host_differs"},
      {"GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "421 host_differs"},
      {"GET http://a.test@b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "421 host_differs"},
      {"GET / HTTP/1.1\r\nHost: a.test:81\r\n\r\n", "421 host_differs"},
      {"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", "400 bad_request"},
      {"CONNECT b.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", "403 method_refused"},
      {"TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", "403 method_refused"},
      {"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
       "AA\r\n\r\n",
       "403 upgrade_refused"},
      {"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400 bad_request"},
      {"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400 bad_request"},
      {"GET / HTTP/1.1\r\nHost: a.test\r\nX: 1\r\n folded\r\n\r\n", "400 bad_request"},
      {"GET / HTTP/1.1\nHost: a.test\n\n", "400 bad_request"},
      {"GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", "400 bad_request"},
      {"GET /../etc HTTP/1.1\r\nHost: a.test\r\n\r\n", "400 bad_request"},
      {"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", "400 bad_request"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "403 method_refused"},
      {"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "431 head_too_large"},
  };
  for (const auto& [request, expected] : requests) {
    INFO(request.substr(0, 200));
    Connection connection(world, address_in(job, "a.test"), 80);
    const auto bytes = connection.ask(request).bytes;
    CHECK(bytes.substr(0, 12) == "HTTP/1.1 " + expected.substr(0, 3));
    CHECK(bytes.find("X-Cordon-Deny: " + expected.substr(4) + "\r\n") != std::string::npos);
  }
  CHECK(world.counts()["queries"].empty());
  CHECK(world.counts()["packets"].empty());
}

TEST_CASE("raw bytes reach a granted network and a granted name, both ways, and nothing beside them") {
  World world;
  world.name("db.test", {{"93.184.216.50"}});
  Proxy proxy(world);
  run_in(world.sandbox(), {"ip", "route", "add", "local", "93.184.0.0/16", "dev", "lo"});
  const auto job =
      job_of({grant("93.184.216.0/24", {7000}, EgressMode::raw), grant("db.test", {7001}, EgressMode::raw)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  Connection echo(world, *parse_ipv4("93.184.216.77"), 7000);
  echo.send("some bytes");
  CHECK(echo.receive(std::chrono::seconds(10), 10).bytes == "some bytes");
  echo.end_of_bytes();
  CHECK(echo.receive().end == End::eof);
  Connection named(world, address_in(job, "db.test"), 7001);
  CHECK(named.ask("to a name", true).end == End::eof);
  const auto closed = proxy.watcher().wait_for<FlowClosed>(2);
  REQUIRE(closed.size() == 2);
  CHECK(closed[0].bytes_up == 10);
  CHECK(closed[0].bytes_down == 10);
  CHECK(closed[0].dialled == parse_ip_address("93.184.216.77"));
  CHECK(closed[1].dialled == parse_ip_address("93.184.216.50"));

  // The other port of each, an address beside the network, an address that stands for no name.
  for (const auto& [address, port] : {std::pair{*parse_ipv4("93.184.216.77"), 7001},
                                      {address_in(job, "db.test"), 7000},
                                      {*parse_ipv4("93.184.1.1"), 7000},
                                      {synthetic_resolver + 99, 7000}}) {
    Connection wrong(world, address, static_cast<std::uint16_t>(port));
    CHECK(wrong.ask("x").end == End::reset);
  }
  CHECK(far_connections(world).size() == 2);
  CHECK(Connection(world, address_in(job, "db.test"), 9999).error() == ECONNREFUSED);
  CHECK(Connection(world, *parse_ipv4("8.8.8.8"), 7000).error() == ENETUNREACH);
}
