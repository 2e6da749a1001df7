// The three parsers of what a tool says: DNS questions, the ClientHello, HTTP requests. Strict, and never past the end.
#include <catch2/catch.hpp>

#include "netfilter/dns/message.hpp"
#include "netfilter/http/body.hpp"
#include "netfilter/http/refusal.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/tls/client_hello.hpp"
#include "profiles/flow_record.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress;
using cordon::egress_test::client_hello;
using cordon::egress_test::dns_question;
using cordon::egress_test::tls_record;

namespace {

bool is_incomplete(const HelloRead& read) {
  return std::holds_alternative<HelloIncomplete>(read);
}

std::optional<HelloFault> fault(const HelloRead& read) {
  if (const auto* f = std::get_if<HelloFault>(&read)) return *f;
  return std::nullopt;
}

std::optional<FlowReason> fault(const HeadRead& read) {
  if (const auto* f = std::get_if<FlowReason>(&read)) return *f;
  return std::nullopt;
}

RequestHead head_of(std::string_view text) {
  auto read = read_request_head(text, 1 << 16);
  REQUIRE(std::holds_alternative<RequestHead>(read));
  return std::get<RequestHead>(std::move(read));
}

// A hello whose body the test writes from the version on.
std::string hello_with(std::string_view body) {
  const auto size = body.size();
  return tls_record(
      std::string{1, static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)}.append(
          body));
}

std::string body_with(std::string_view after_random) {
  return std::string("\x03\x03", 2) + std::string(32, 'r').append(after_random);
}

}  // namespace

TEST_CASE("a hello is read whole from any cut of it, and its name is as sent") {
  const auto hello = client_hello("API.example.com");
  for (std::size_t size = 0; size < hello.size(); ++size)
    CHECK(is_incomplete(read_client_hello(hello.substr(0, size), 4096)));
  const auto read = read_client_hello(hello + "more", 4096);
  REQUIRE(std::holds_alternative<ClientHello>(read));
  CHECK(std::get<ClientHello>(read).server_name == "API.example.com");
  CHECK(std::get<ClientHello>(read).bytes == hello.size());
  CHECK_FALSE(std::get<ClientHello>(read).encrypted_hello);
  const auto split = tls_record(hello.substr(5, 3)) + tls_record(hello.substr(8));
  CHECK(std::get<ClientHello>(read_client_hello(split, 4096)).bytes == split.size());
}

TEST_CASE("encrypted hellos of every draft and early data are seen") {
  for (const auto* type : {"\xfe\x08", "\xfe\x0a", "\xfe\x0d", "\xff\xce", "\xfd\x00"}) {
    const auto extension = std::string(type, 2) + std::string("\x00\x00", 2);
    CHECK(std::get<ClientHello>(read_client_hello(client_hello("a.test", extension), 4096)).encrypted_hello);
  }
  CHECK(std::get<ClientHello>(read_client_hello(client_hello("a.test", std::string("\x00\x2a\x00\x00", 4)), 4096))
            .early_data);
}

TEST_CASE("what is no hello, or one that readers could read differently, is a fault as soon as it can be seen") {
  CHECK(fault(read_client_hello("G", 4096)) == HelloFault::not_tls);
  CHECK(fault(read_client_hello(std::string("\x80\x2e\x01", 3), 4096)) == HelloFault::not_tls);
  CHECK(fault(read_client_hello(std::string("\x16\x02", 2), 4096)) == HelloFault::not_tls);
  CHECK(fault(read_client_hello(std::string("\x16\x03\x05", 3), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(std::string("\x16\x03\x01\x00\x00", 5), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(std::string("\x16\x03\x01\x40\x01", 5), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(tls_record(std::string("\x02\x00\x00\x01x", 5)), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(tls_record(std::string("\x01\x00\xff\xff", 4)), 4096)) == HelloFault::too_large);
  const auto hello = client_hello("a.test");
  CHECK(fault(read_client_hello(hello, hello.size() - 1)) == HelloFault::too_large);
  CHECK(fault(read_client_hello(std::string("\x16\x03\x01\x3f\x00", 5) + std::string(1020, '\x01'), 1024)) ==
        HelloFault::too_large);
  // Another message in its last record, and another record in the middle of it.
  CHECK(fault(read_client_hello(tls_record(hello.substr(5) + "x"), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(tls_record(hello.substr(5, 20)) + tls_record("x", 23), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(tls_record(hello.substr(5, 20)) + std::string("\x16\x04", 2), 4096)) ==
        HelloFault::malformed);
  // Twice the same extension; two names; none of the known kind; an empty one; bytes behind.
  CHECK(fault(read_client_hello(client_hello("a.test", std::string("\0\0\0\0", 4)), 4096)) == HelloFault::malformed);
  for (const auto& list : {std::string("\0\0\0\x0a\0\x08\0\0\x01\x61\0\0\x01\x62", 14),
                           std::string("\0\0\0\x06\0\x04\x01\0\x01\x61", 10), std::string("\0\0\0\x05\0\x03\0\0\0", 9),
                           std::string("\0\0\0\x07\0\x04\0\0\x01\x61\x62", 11), std::string("\0\0\0\x02\0\x00", 6)})
    CHECK(fault(read_client_hello(client_hello("", list), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(client_hello("", std::string("\0\x01\0\x09x", 5)), 4096)) == HelloFault::malformed);
}

TEST_CASE("the parts of a hello before its extensions have their bounds") {
  const std::string suites("\0\x02\x13\x01", 4), compression("\x01\0", 2);
  CHECK(
      std::get<ClientHello>(read_client_hello(hello_with(body_with(std::string(1, '\0') + suites + compression)), 4096))
          .server_name.empty());
  for (const auto& rest :
       {std::string("\x21") + std::string(33, 's') + suites + compression,  // session id
        std::string("\0\0\x03\x13\x01\x13", 6) + compression,               // half a suite
        std::string("\0\0\0", 3) + compression, std::string("\0", 1) + suites + std::string("\x01\x01", 2),
        std::string("\0", 1) + suites + std::string("\0", 1),                    // compressions
        std::string("\0", 1) + suites + compression + "x",                       // no length
        std::string("\0", 1) + suites + compression + std::string("\0\0x", 3)})  // bytes behind
    CHECK(fault(read_client_hello(hello_with(body_with(rest)), 4096)) == HelloFault::malformed);
  CHECK(fault(read_client_hello(hello_with("\x02\x03"), 4096)) == HelloFault::malformed);
}

TEST_CASE("a question is read, whatever its letters, and answered with itself") {
  const auto question = dns_question("API.example.com", 1, true);
  const auto read = read_dns_query(question);
  REQUIRE(std::holds_alternative<DnsQuery>(read));
  const auto& query = std::get<DnsQuery>(read);
  CHECK(query.name == "API.example.com");
  CHECK(query.type == 1);
  CHECK(query.edns);
  const auto answer = answer_address(query, *parse_ipv4("198.18.0.2"), 60);
  CHECK(answer.substr(12, query.question.size()) == query.question);
  CHECK(answer.substr(0, 2) == question.substr(0, 2));
  CHECK((static_cast<unsigned char>(answer[2]) & 0x80) != 0);
  const auto refused = refuse(query, std::string(100, 'w'));
  CHECK((refused[3] & 15) == 5);
  CHECK(refused.find(std::string("\x00\x0f\x00\x42\x00\x0f", 6) + std::string(64, 'w')) != std::string::npos);
  CHECK(refused.size() <= 512);
  const auto plain = read_dns_query(dns_question("a.test", 28));
  CHECK(refuse(std::get<DnsQuery>(plain), "why").find("why") == std::string::npos);
  CHECK(answer_nothing(std::get<DnsQuery>(plain))[7] == 0);
}

TEST_CASE("messages that are no question get FORMERR, NOTIMP, or nothing") {
  const auto good = dns_question("a.test", 1, true);
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(std::holds_alternative<DnsQuery>(read_dns_query(good.substr(0, size))));
  const auto changed = [&](std::size_t at, char to) {
    auto bytes = good;
    bytes[at] = to;
    return read_dns_query(bytes);
  };
  CHECK(std::holds_alternative<NotAQuery>(changed(2, '\x81')));
  CHECK(std::get<UnreadableQuery>(changed(2, '\x08')).rcode == 4);
  CHECK(std::get<UnreadableQuery>(changed(2, '\x02')).rcode == 1);
  for (const auto& [at, to] : {std::pair{5, '\x02'},
                               {5, '\x00'},
                               {7, '\x01'},
                               {9, '\x01'},
                               {11, '\x02'},
                               {11, '\x00'},
                               {12, '\xc0'},
                               {12, '\x40'},
                               {12, '\x3f'},
                               {23, '\x02'},
                               {24, '\x01'}})
    CHECK(std::holds_alternative<UnreadableQuery>(changed(static_cast<std::size_t>(at), to)));
  CHECK(std::holds_alternative<UnreadableQuery>(read_dns_query(good + "x")));
  CHECK(std::holds_alternative<UnreadableQuery>(read_dns_query(good + std::string(600, 'x'))));
  CHECK(std::holds_alternative<UnreadableQuery>(read_dns_query(dns_question(
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(63, 'd'),
      1))));
  // A dot within a label is no dot between labels.
  auto dotted = dns_question("aXtest", 1);
  dotted[14] = '.';
  CHECK(std::get<DnsQuery>(read_dns_query(dotted)).name.empty());
  CHECK(std::get<DnsQuery>(read_dns_query(dns_question("", 2))).name.empty());
  CHECK((answer_unreadable({7, 1})[3] & 15) == 1);
}

TEST_CASE("a request is read whole from any cut of it, and written anew without what is between neighbours") {
  const std::string text =
      "POST http://a.test:8080/p;x=1/%7E?q=/../ HTTP/1.1\r\nHost: a.test:8080\r\nContent-Length: 3\r\n"
      "Accept:\t*/*  \r\nKeep-Alive: 1\r\nProxy-Authorization: secret\r\nTE: trailers\r\nTrailer: X\r\n"
      "Connection: keep-alive, TE\r\nCookie: \xc3\xa9\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(std::holds_alternative<HeadIncomplete>(read_request_head(text.substr(0, size), 4096)));
  const auto head = head_of(text + "abcGET");
  CHECK(head.bytes == text.size());
  CHECK(head.target_authority == "a.test:8080");
  CHECK(
      write_request_head(head, "a.test:8080") ==
      "POST /p;x=1/%7E?q=/../ HTTP/1.1\r\nHost: a.test:8080\r\nAccept: */*\r\nCookie: \xc3\xa9\r\nContent-Length: 3\r\n"
      "Connection: close\r\n\r\n");
  CHECK(head_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").target == "*");
  CHECK(head_of("GET http://a.test?q HTTP/1.1\r\nHost: a.test\r\n\r\n").target == "/?q");
}

TEST_CASE("requests that two readers could read differently are refused") {
  const auto line = [](std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const auto field = [](std::string_view more) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n\r\n";
  };
  std::vector<std::string> bad{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                               "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                               "GET /\r\nHost: a\r\n\r\n",
                               "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                               "GET / http/1.1\r\nHost: a\r\n\r\n",
                               "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
                               "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
                               std::string(33, 'G') + " / HTTP/1.1\r\nHost: a\r\n\r\n",
                               "GET / HTTP/1.1\r\n\r\n",
                               "GET / HTTP/1.1\nHost: a\r\n\r\n",
                               "GET / HTTP/1.1\r\nHost: a\n\r\n",
                               "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n",
                               "GET / HTTP/1.1\nX"};
  for (const auto* target : {"x",       "*",          "/a b",        "/\\",    "/#f",  "/%",      "/%g0",      "/%0",
                             "/%00",    "/\xc3\xa9",  "/a\tb",       "/..",    "/.",   "/a/../b", "/%2e%2e/b", "/.%2E",
                             "/..;x/b", "/a%2f../b",  "/a%5C..",     "/\"",    "/<>",  "/^",      "/{}",       "/|",
                             "/`",      "https://a/", "http://a/..", "//../x", "a:443"})
    bad.push_back(line(target));
  for (const auto* more : {"Host: a",
                           "X",
                           ": x",
                           "X : y",
                           " X: y",
                           "X: y\r\n z",
                           "X: a\rb",
                           "X: a\nb",
                           "X: \x01",
                           "X: \x7f",
                           "Content-Length: 1\r\nContent-Length: 1",
                           "Content-Length: +1",
                           "Content-Length: 1, 1",
                           "Content-Length: -1",
                           "Content-Length: 0x1",
                           "Content-Length: ",
                           "Content-Length: 99999999999999999999",
                           "Transfer-Encoding: chunked\r\nContent-Length: 0",
                           "Transfer-Encoding: gzip, chunked",
                           "Transfer-Encoding: identity",
                           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                           "Transfer-Encoding: \x0b"
                           "chunked",
                           "Transfer_Encoding: chunked",
                           "Content_Length: 1",
                           "Connection: x-secret",
                           "Connection: close, host",
                           "Connection:"})
    bad.push_back(field(more));
  for (const auto& host :
       {"", "a b", "a@b", "[::1]", "a:", "a:0", "a:080", "a:65536", "a:1:2", "a/b", "a,b", "\xc3\xa9", "a%00"})
    bad.push_back("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  bad.push_back(field(std::string("X: a\0b", 6)));
  for (const auto& text : bad) {
    INFO(text);
    CHECK(fault(read_request_head(text, 4096)) == FlowReason::bad_request);
  }
  for (const auto* method : {"CONNECT", "connect", "TRACE", "TRACK", "PRI"})
    CHECK(fault(read_request_head(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 4096)) ==
          FlowReason::method_refused);
  for (const auto* more :
       {"Upgrade: h2c", "Connection: Upgrade", "HTTP2-Settings: x", "Connection: close, http2-settings"})
    CHECK(fault(read_request_head(field(more), 4096)) == FlowReason::upgrade_refused);
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  CHECK(fault(read_request_head(field(many + "X: y"), 4096)) == FlowReason::head_too_large);
  CHECK(fault(read_request_head(std::string(4096, 'G'), 4096)) == FlowReason::head_too_large);
}

TEST_CASE("a body is passed on as far as its framing says, from any cut of it") {
  const auto chunked = head_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string body = "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX: trailer\r\n\r\n";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    BodyReader reader(chunked);
    auto first = reader.take(std::string_view(body).substr(0, cut));
    auto second = reader.take(body.substr(cut) + "GET / HTTP/1.1");
    CHECK_FALSE(second.fault);
    CHECK(reader.ended());
    CHECK(first.bytes + second.bytes == body.size());
    const auto sent = first.output + second.output;
    BodyReader again(chunked);
    CHECK(again.take(sent).bytes == sent.size());
    CHECK(again.ended());
    CHECK(sent.ends_with("\r\n0\r\n\r\n"));
  }
  for (const auto* bad :
       {"5;x=1\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello\n", "5\r\nhelloX", "5\r\nhello\rX", "x", "\r\n", "-1\r\n",
        "0x5\r\n", " 5\r\n", "5 \r\n", "5\rX", "1234567890123\r\n", "0\r\nX\n\r\n", "0\r\nX\rY"}) {
    INFO(bad);
    BodyReader reader(chunked);
    CHECK(reader.take(bad).fault);
    CHECK(reader.take("more").bytes == 0);
  }
  BodyReader trailers(chunked);
  CHECK(trailers.take("0\r\n" + std::string(9000, 'x')).fault);
  BodyReader fixed(head_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"));
  const auto taken = fixed.take("abcdef");
  CHECK(taken.output == "abc");
  CHECK(fixed.ended());
  CHECK(BodyReader(head_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).ended());
}

TEST_CASE("a refusal over HTTP names its reason, in a status, a field and JSON") {
  for (std::size_t i = 0; i < flow_reasons; ++i) {
    const auto reason = static_cast<FlowReason>(i);
    const auto text = http_refusal(reason, "a.test", 80);
    CHECK(text.starts_with("HTTP/1.1 " + std::to_string(http_status(reason)) + " "));
    CHECK(text.find(std::string("X-Cordon-Deny: ") + to_string(reason) + "\r\n") != std::string::npos);
    const auto body = text.substr(text.find("\r\n\r\n") + 4);
    CHECK(text.find("Content-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
  }
  CHECK(http_status(FlowReason::host_differs) == 421);
  CHECK(http_status(FlowReason::too_many_connections) == 429);
  CHECK(http_status(FlowReason::no_grant) == 403);
}

TEST_CASE("a rate is kept exactly, however it is asked") {
  const Clock::time_point start{};
  TokenBucket bucket(1000, start);
  CHECK(bucket.take(5000, start) == 1000);
  CHECK(bucket.until(1, start) > Clock::duration::zero());
  std::uint64_t taken = 0;
  for (int us = 1; us <= 1'000'000; us += 7) taken += bucket.take(5000, start + std::chrono::microseconds(us));
  CHECK(taken >= 999);
  CHECK(taken <= 1000);
  CHECK(bucket.take(5000, start + std::chrono::hours(5)) == 1000);
  CHECK(bucket.until(5000, start + std::chrono::hours(5)) <= std::chrono::seconds(1) + std::chrono::microseconds(1));
  TokenBucket huge(max_egress_bytes, start);
  CHECK(huge.take(max_egress_bytes, start) == max_egress_bytes);
  CHECK(huge.available(start + std::chrono::milliseconds(500)) == max_egress_bytes / 2);
}

TEST_CASE("what cordon-egress and cordond say to each other survives the wire, and nothing shorter or longer does") {
  const IpAddress v6 = *parse_ip_address("2a00:1::1");
  const std::vector<FlowRecord> records{
      FlowDecided{7, "job", 1, 2, 3, "a.test", 443, EgressMode::http, "a.test", "GET", "a.test", "/p",
                  FlowReason::host_differs, 3},
      FlowClosed{"job", 2, 3, {IpAddress(0x01020304), v6}, v6, 10, 20, 30, FlowReason::idle},
      DeniedAgain{"job", "a.test", 443, FlowReason::no_grant, 9},
      QueryDenied{"job", "", 28, FlowReason::too_many_queries, 9},
      JobClosed{"job", 1, 2, 3, 4, 5, 6},
      EgressFigures{},
      LedgerLost{},
      Revoked{{"a", "b"}},
      FlowMoved{"job", 2, 10, 20},
  };
  for (const auto& record : records) {
    const auto bytes = encode(record);
    CHECK(decode_flow_record(bytes) == record);
    CHECK_FALSE(decode_flow_record(bytes + "x"));
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_flow_record(bytes.substr(0, size)));
  }
  CHECK_FALSE(decode_flow_record(encode(FlowRecord{Revoked{}})));
  for (const auto& message :
       {WatcherMessage{EvidenceWritten{9, false}}, WatcherMessage{AskFigures{}}, WatcherMessage{RevokeEgress{{"job"}}},
        WatcherMessage{RevokeEgress{{"a", "b"}, FlowReason::job_ended}},
        WatcherMessage{RevokeEgress{std::vector<std::string>(max_jobs_revoked, std::string(64, 'j'))}}}) {
    const auto bytes = encode(message);
    CHECK(decode_watcher_message(bytes) == message);
    CHECK_FALSE(decode_watcher_message(bytes + "x"));
    CHECK_FALSE(decode_watcher_message(bytes.substr(0, bytes.size() - 1)));
  }
  const auto comes = encode(WatcherMessage{LedgerComes{}});
  CHECK(decode_watcher_message(comes) == WatcherMessage{LedgerComes{}});
  CHECK_FALSE(decode_watcher_message(comes + "x"));
  CHECK_FALSE(decode_watcher_message(encode(WatcherMessage{RevokeEgress{{"not a job"}}})));
  CHECK_FALSE(decode_watcher_message(encode(WatcherMessage{RevokeEgress{{std::string(65, 'j')}}})));
  CHECK_FALSE(decode_watcher_message(encode(WatcherMessage{RevokeEgress{}})));
  CHECK_FALSE(decode_watcher_message(encode(WatcherMessage{RevokeEgress{{"job"}, FlowReason::idle}})));
  CHECK_FALSE(decode_watcher_message(
      encode(WatcherMessage{RevokeEgress{std::vector<std::string>(max_jobs_revoked + 1, "job")}})));
}

TEST_CASE("what the ledger is asked to write survives the wire, and is neither denied nor what nobody waits for") {
  FlowToWrite flow{
      {"uid:1", "tenant", "tool", "web"},
      {7, "job", 1, 2, 3, "a.test", 443, EgressMode::http, "a.test", "GET", "a.test", "/p", FlowReason::none, 3}};
  const auto bytes = encode(flow);
  CHECK(decode_flow_to_write(bytes) == flow);
  CHECK_FALSE(decode_flow_to_write(bytes + "x"));
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_flow_to_write(bytes.substr(0, size)));
  CHECK_FALSE(decode_flow_record(bytes));
  CHECK_FALSE(decode_flow_to_write(encode(FlowRecord{flow.decided})));
  auto bad = flow;
  bad.decided.sequence = 0;
  CHECK_FALSE(decode_flow_to_write(encode(bad)));
  bad = flow;
  bad.decided.reason = FlowReason::no_grant;
  CHECK_FALSE(decode_flow_to_write(encode(bad)));
  bad = flow;
  bad.owner.actor = std::string(129, 'a');
  CHECK_FALSE(decode_flow_to_write(encode(bad)));
  bad.owner.actor.resize(128);
  CHECK(decode_flow_to_write(encode(bad)) == bad);
}
