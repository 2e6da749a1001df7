// Behind an allowed hello: a server may ask for another one, and that must be for the same name.
#include <catch2/catch.hpp>

#include "netfilter/policy/second_hello.hpp"
#include "profiles/sha256.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress;
using cordon::egress_test::client_hello;
using cordon::egress_test::tls_record;

namespace {

constexpr std::size_t most = 16 << 10;
const std::string ccs = tls_record("\x01", 20), early = tls_record("early data", 23);

// A ServerHello with this random, as one message; the rest of it does not matter here.
std::string server_hello(const std::string& random) {
  const auto body = std::string("\x03\x03") + random + std::string("\0\x13\x01\0", 4);
  return std::string("\x02\0\0", 3) + static_cast<char>(body.size()) + body;
}

std::string retry() {
  const auto digest = sha256("HelloRetryRequest");
  return tls_record(server_hello({reinterpret_cast<const char*>(digest.data()), digest.size()}));
}

std::string usual() {
  return tls_record(server_hello(std::string(32, 'r')));
}

SecondHello after(std::string_view server) {
  SecondHello second("a.test", most);
  second.down(server);
  return second;
}

FlowReason fault_of(std::string_view server, std::string_view tool) {
  auto second = after(server);
  return second.up(tool).fault;
}

}  // namespace

TEST_CASE(
    "what a server asks for again passes when it is for the same name, from any cut of it, and so does all behind it") {
  const auto behind = tls_record("sealed", 23) + "\x16 anything";
  const auto all = early + ccs + client_hello("A.test") + behind;
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    auto second = after(retry());
    CHECK_FALSE(second.is_over());
    auto first = second.up(std::string_view(all).substr(0, cut));
    const auto rest = second.up(std::string_view(all).substr(cut));
    CHECK(first.fault == FlowReason::none);
    CHECK(rest.fault == FlowReason::none);
    CHECK(first.output + rest.output == all);
    CHECK(second.is_over());
  }
}

TEST_CASE("a second hello for another name, or one that hides it, ends the flow before a byte of it has passed") {
  const std::string ech("\xfe\x0d\x00\x01\x00", 5);
  for (const auto& [hello, why] :
       {std::pair(client_hello("b.test"), FlowReason::server_name_differs),
        std::pair(client_hello("a.test."), FlowReason::server_name_differs),
        std::pair(client_hello(""), FlowReason::no_server_name),
        std::pair(client_hello("a.test", ech), FlowReason::encrypted_client_hello),
        std::pair(tls_record("\x02 no hello"), FlowReason::bad_client_hello),
        std::pair(std::string("\x16\x02"), FlowReason::bad_client_hello),
        std::pair(tls_record(std::string("\x01\x00\xff\xff", 4)), FlowReason::head_too_large)}) {
    INFO(to_string(why));
    CHECK(fault_of(retry(), hello) == why);
    auto second = after(retry());
    std::string passed;
    auto fault = FlowReason::none;
    for (const char c : ccs + hello) {
      const auto taken = second.up({&c, 1});
      passed += taken.output;
      if ((fault = taken.fault) != FlowReason::none) break;
    }
    CHECK(fault == why);
    CHECK(passed == ccs);
  }
  // In two records, and with another record in the middle.
  const auto other = client_hello("b.test").substr(5);
  CHECK(fault_of(retry(), tls_record(other.substr(0, 9)) + tls_record(other.substr(9))) ==
        FlowReason::server_name_differs);
  const auto same = client_hello("a.test").substr(5);
  CHECK(fault_of(retry(), tls_record(same.substr(0, 9)) + ccs + tls_record(same.substr(9))) ==
        FlowReason::bad_client_hello);
  CHECK(fault_of(retry(), tls_record(same.substr(0, 9)) + tls_record(same.substr(9))) == FlowReason::none);
}

TEST_CASE("what is too large is that in one piece and in many, whatever is in it") {
  const auto large = ccs + tls_record(std::string(most, ':'));  // its header makes it larger than a hello may be
  CHECK(fault_of(retry(), large) == FlowReason::head_too_large);
  auto second = after(retry());
  auto fault = FlowReason::none;
  for (std::size_t at = 0; at < large.size() && fault == FlowReason::none; at += 7)
    fault = second.up(std::string_view(large).substr(at, 7)).fault;
  CHECK(fault == FlowReason::head_too_large);
}

TEST_CASE("before the server has said anything no hello and nothing but TLS goes up, and early data does") {
  SecondHello second("a.test", most);
  CHECK(second.up(ccs + early + early).output == ccs + early + early);
  CHECK(second.up("").output.empty());
  CHECK(second.up(client_hello("a.test")).fault == FlowReason::bad_client_hello);
  CHECK(fault_of("", "GET / HTTP/1.1") == FlowReason::bad_client_hello);
  CHECK(fault_of("", tls_record("heartbeat", 24)) == FlowReason::bad_client_hello);
  CHECK(fault_of("", tls_record("", 23) + tls_record("x", 21)) == FlowReason::none);
  CHECK_FALSE(after("").is_over());
}

TEST_CASE("a server that has chosen leaves nothing to look at, whatever it speaks") {
  const auto sealed = tls_record("\x01 looks like a hello and is sealed");
  for (const auto& server :
       {usual(), usual() + "more", std::string("SSH-2.0-"), tls_record("\x0b certificate"), tls_record("x", 23)}) {
    auto second = after(server);
    CHECK(second.is_over());
    CHECK(second.up(sealed).output == sealed);
  }
  auto second = after(usual());
  second.down(retry());  // it does not ask twice
  CHECK(second.is_over());
}

TEST_CASE("the server's wish is seen in any cut of it, in several records, and behind a warning") {
  const auto message = retry().substr(5);
  const auto warning = tls_record("\x01\x70", 21);
  for (const auto& server :
       {retry(), warning + retry(), tls_record(message.substr(0, 3)) + tls_record(message.substr(3))}) {
    SecondHello second("a.test", most);
    for (const char c : server) second.down({&c, 1});
    CHECK_FALSE(second.is_over());
    CHECK(second.up(client_hello("b.test")).fault == FlowReason::server_name_differs);
  }
  // Warnings without end are no reason to keep them.
  SecondHello second("a.test", most);
  for (int i = 0; i < 20'000; ++i) second.down(warning);
  CHECK(second.is_over());
}
