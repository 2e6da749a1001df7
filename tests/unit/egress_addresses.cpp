// Where no name may lead: addresses in every form, one table for the proxy and for the packet filter.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "netfilter/policy/answers.hpp"
#include "profiles/denied_addresses.hpp"
#include "tests/egress/forms.hpp"

using namespace cordon;
using namespace cordon::egress;
using namespace cordon::egress_test;

namespace {

IpAddress address(const std::string& text) {
  const auto parsed = parse_ip_address(text);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("more than 200 forms of denied addresses are denied, and their neighbours are not") {
  const auto forms = denied_forms();
  REQUIRE(forms.size() > 200);
  for (const auto& form : forms) {
    INFO(form);
    CHECK_FALSE(may_dial(address(form), false, false));
    CHECK_FALSE(may_dial(address(form), false, true));  // a name never leads there, whatever the operator allows
  }
  for (const auto& form : allowed_v4) CHECK(may_dial(address(form), false, false));
  for (const auto& form : allowed_v6) {
    INFO(form);
    CHECK(may_dial(address(form), false, false));
  }
}

TEST_CASE("addresses that only some readers take are no addresses: octal, hexadecimal, short, zoned, bracketed") {
  for (const auto* text :
       {"127.1",    "127.0.1",  "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "1.2.3.4 ",
        " 1.2.3.4", "1.2.3.4.", "1.2.3",      "1.2.3.256",  "01.2.3.4",   "1.2.3.4/32", "fe80::1%eth0", "fe80::1%1",
        "[::1]",    "::1]",     "::g",        ":::",        "1::2::3",    "",           "1.2.3.4:80"}) {
    INFO(text);
    CHECK_FALSE(parse_ip_address(text));
  }
  CHECK_FALSE(parse_ip_address(std::string_view("1.2.3.4\0", 8)));
  CHECK_FALSE(parse_cidr("10.0.0.1/8"));
  CHECK_FALSE(parse_cidr("10.0.0.0/08"));
  CHECK_FALSE(parse_cidr("10.0.0.0/33"));
  CHECK_FALSE(parse_cidr("10.0.0.0"));
  CHECK(parse_cidr("10.0.0.0/8")->last() == address("10.255.255.255"));
  CHECK(parse_cidr("2001:db8::/32")->text() == "2001:db8::/32");
  CHECK(parse_cidr("10.0.0.0/8")->overlaps(*parse_cidr("10.1.0.0/16")));
}

TEST_CASE("with private egress a CIDR grant reaches private networks, and never this host or its surroundings") {
  for (const auto* text : {"10.0.0.1", "192.168.1.1", "172.16.5.5", "100.64.0.1"}) {
    CHECK(may_dial(address(text), true, true));
    CHECK_FALSE(may_dial(address(text), true, false));
  }
  for (const auto* text :
       {"127.0.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1", "198.18.0.1", "255.255.255.255"})
    CHECK_FALSE(may_dial(address(text), true, true));
}

TEST_CASE("the packet filter's ranges are the same set: ascending, disjoint, and in every place alike") {
  for (const bool v6 : {false, true}) {
    const auto ranges = merged_denied_ranges(v6, false);
    for (std::size_t i = 1; i < ranges.size(); ++i) CHECK(ranges[i - 1].last < ranges[i].first);
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i) {
      IpAddress::Octets octets{};
      for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
      if (v6 && i % 2 == 0) octets[0] = 0x20, octets[1] = static_cast<std::uint8_t>(i % 4);
      octets[8] = 1;  // no ISATAP, which is no range
      const auto one = v6 ? IpAddress(octets) : IpAddress(static_cast<std::uint32_t>(random()));
      const bool in_range =
          std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return r.first <= one && one <= r.last; });
      CHECK(in_range == denying_range(one).has_value());
    }
  }
}

TEST_CASE("one denied address among public ones refuses all of them, wherever it stands, 10,000 times") {
  std::mt19937 random(11);
  int allowed = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::vector<IpAddress> answers;
    for (auto n = random() % 6; n > 0; --n) answers.push_back(address(allowed_v4[random() % allowed_v4.size()]));
    const auto& pool = i % 2 == 0 ? denied_v4 : denied_v6;
    answers.insert(answers.begin() + static_cast<long>(random() % (answers.size() + 1)),
                   address(pool[random() % pool.size()]));
    const auto checked = checked_answers(answers);
    allowed += checked.has_value() || checked.error() != FlowReason::address_denied;
  }
  CHECK(allowed == 0);
  CHECK(checked_answers({}).error() == FlowReason::name_not_found);
  const auto sorted = checked_answers({address("2606:4700::1111"), address("1.1.1.1")});
  CHECK(sorted->front() == address("1.1.1.1"));
}
