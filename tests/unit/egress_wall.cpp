#include "netfilter/wall/ruleset.hpp"

#include <catch2/catch.hpp>

#include "profiles/denied_addresses.hpp"

using namespace cordon;

namespace {

Wall some_wall() {
  Wall wall;
  wall.instance = "p7";
  wall.uid = 1234;
  wall.ports = {53, 80, 443};
  wall.resolvers = {*parse_ip_address("192.0.2.53"), *parse_ip_address("2001:db8::53")};
  return wall;
}

std::size_t at(const std::string& text, const std::string& what) {
  INFO(text << " should have " << what);
  REQUIRE(text.find(what) != std::string::npos);
  return text.find(what);
}

}  // namespace

TEST_CASE("the wall refuses denied addresses before it lets granted ports pass, and everything else last") {
  const auto text = ruleset(some_wall());
  const auto denied = at(text, "ip daddr @denied4 counter jump refused");
  CHECK(at(text, "    meta skuid 1234 jump guarded\n  }\n  chain guarded {\n") < denied);
  CHECK(at(text, "ip daddr 192.0.2.53 udp dport 53 accept") < denied);
  CHECK(denied < at(text, "tcp dport { 80, 443 } accept"));
  CHECK(at(text, "tcp dport { 80, 443 } accept") < at(text, "\n    counter jump refused"));
  CHECK(text.find("established") == text.npos);
}

TEST_CASE("a wall without granted ports lets nothing pass but questions to resolvers") {
  auto wall = some_wall();
  wall.ports.clear();
  CHECK(ruleset(wall).find("tcp dport {") == std::string::npos);
}

TEST_CASE("the wall has every row of the table that the proxy looks at") {
  const auto text = ruleset(some_wall());
  for (const bool v6 : {false, true}) {
    const auto ranges = merged_denied_ranges(v6, false);
    REQUIRE_FALSE(ranges.empty());
    for (const auto& range : ranges) CHECK(text.find(range.first.text()) != std::string::npos);
  }
  at(text, "fib daddr type { local, broadcast, anycast, multicast } counter jump refused");
}

TEST_CASE("the first lines in which two walls differ are told, however they are indented") {
  const std::string one = "table inet x {\n\tchain out {\n\t\ttcp dport 443 accept\n\t}\n}\n";
  CHECK(first_difference(one, one).empty());
  CHECK(first_difference("", "").empty());
  CHECK(first_difference("table inet x {\n  chain out {\n  tcp dport 443 accept\n}\n}\n", one).empty());
  CHECK(first_difference("table inet x {\n\tchain out {\n\t\tcounter accept\n\t}\n}\n", one) ==
        "has \"counter accept\" where \"tcp dport 443 accept\" should be");
  CHECK(first_difference("table inet x {\n", one) == "has its end where \"chain out {\" should be");
  CHECK(first_difference(one + "more\n", one) == "has \"more\" where its end should be");
}

TEST_CASE("the wall is replaced in one transaction") {
  CHECK(ruleset(some_wall()).starts_with("table inet cordon_egress_p7\ndelete table inet cordon_egress_p7\n"));
}
