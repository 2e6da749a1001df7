// Where no name may lead: addresses in every form, one table for the proxy and for the packet filter.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "netfilter/policy/answers.hpp"
#include "profiles/denied_addresses.hpp"

using namespace cordon;
using namespace cordon::egress;

namespace {

const std::vector<std::string> denied_v4{
    "0.0.0.0",         "0.0.0.1",         "0.255.255.255",   "10.0.0.0",        "10.0.0.1",        "10.255.255.255",
    "100.64.0.0",      "100.64.0.1",      "100.100.100.200", "100.127.255.255", "127.0.0.0",       "127.0.0.1",
    "127.1.2.3",       "127.255.255.255", "168.63.129.16",   "169.254.0.0",     "169.254.169.254", "169.254.170.2",
    "169.254.255.255", "172.16.0.0",      "172.16.0.1",      "172.31.255.255",  "192.0.0.0",       "192.0.0.192",
    "192.0.0.255",     "192.0.2.1",       "192.88.99.1",     "192.168.0.0",     "192.168.1.1",     "192.168.255.255",
    "198.18.0.0",      "198.18.0.1",      "198.19.255.255",  "198.51.100.7",    "203.0.113.9",     "224.0.0.0",
    "224.0.0.1",       "239.255.255.255", "240.0.0.0",       "255.255.255.254", "255.255.255.255"};

const std::vector<std::string> allowed_v4{"1.1.1.1",       "8.8.8.8",         "9.255.255.255", "11.0.0.0",
                                          "93.184.216.34", "100.63.255.255",  "100.128.0.0",   "126.255.255.255",
                                          "128.0.0.0",     "169.253.255.255", "169.255.0.0",   "172.15.255.255",
                                          "172.32.0.0",    "191.255.255.255", "192.0.1.0",     "192.167.255.255",
                                          "192.169.0.0",   "198.17.255.255",  "198.20.0.0",    "223.255.255.255"};

const std::vector<std::string> denied_v6{"::",
                                         "::1",
                                         "::2",
                                         "::ffff",
                                         "::1:0",
                                         "::7f00:1",
                                         "::ffff:0:0:1",
                                         "::ffff:0:7f00:1",
                                         "64:ff9a::1",
                                         "64:ff9b:1::1",
                                         "64:ff9b:1:ffff::7f00:1",
                                         "100::1",
                                         "1fff::1",
                                         "2001::1",
                                         "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                                         "2001:10::1",
                                         "2001:20::1",
                                         "2001:db8::1",
                                         "2002::1",
                                         "2002:7f00:1::1",
                                         "2002:a9fe:a9fe::1",
                                         "2620:4f:8000::1",
                                         "3ffe::1",
                                         "3fff::1",
                                         "4000::1",
                                         "5f00::1",
                                         "8000::1",
                                         "fc00::1",
                                         "fd00::1",
                                         "fd00:ec2::254",
                                         "fd20:ce::254",
                                         "fdff:ffff::1",
                                         "fe00::1",
                                         "fe80::1",
                                         "fe80::a9fe:a9fe",
                                         "febf::1",
                                         "fec0::1",
                                         "feff::1",
                                         "ff00::1",
                                         "ff02::1",
                                         "ff0e::1",
                                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};

const std::vector<std::string> allowed_v6{"2000::1", "2001:200::1",     "2001:4860:4860::8888",
                                          "2600::1", "2606:4700::1111", "2a00:1::2",
                                          "2c0f::1", "3ffd::1",         "64:ff9b::808:808"};

IpAddress address(const std::string& text) {
  const auto parsed = parse_ip_address(text);
  REQUIRE(parsed);
  return *parsed;
}

std::string hex(const std::string& v4) {
  const auto value = address(v4).v4();
  char out[16];
  std::snprintf(out, sizeof out, "%x:%x", value >> 16, value & 0xffff);
  return out;
}

// IPv6 that carries this IPv4 address: mapped, compatible, translated, NAT64, 6to4, Teredo's server, ISATAP of both
// kinds.
std::vector<std::string> carriers(const std::string& v4) {
  const auto h = hex(v4);
  return {"::ffff:" + v4,
          "::ffff:" + h,
          "::" + v4,
          "::ffff:0:" + h,
          "64:ff9b::" + v4,
          "2002:" + h + "::1",
          "2001:0:" + h + "::1",
          "2a00:1::5efe:" + h,
          "2a00:1::200:5efe:" + h,
          "2606:4700:1:2:0:5efe:" + h};
}

}  // namespace

TEST_CASE("more than 200 forms of denied addresses are denied, and their neighbours are not") {
  std::vector<std::string> forms = denied_v6;
  for (const auto& v4 : denied_v4) {
    forms.push_back(v4);
    for (auto& carrier : carriers(v4)) forms.push_back(std::move(carrier));
  }
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
