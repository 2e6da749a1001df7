// One name, however it is spelled: what DNS, TLS, a Host field and an absolute target may call a granted host.
#include <catch2/catch.hpp>

#include <set>

#include "netfilter/policy/authorise.hpp"
#include "tests/egress/forms.hpp"

using namespace cordon;
using namespace cordon::egress;
using namespace cordon::egress_test;

namespace {

EgressGrant grant(std::string name, EgressMode mode, std::uint16_t port) {
  EgressGrant out;
  out.name = std::move(name);
  out.mode = mode;
  out.ports = {port};
  return out;
}

Snapshot snapshot_of(EgressGrants grants) {
  EgressJob job;
  job.id = "job";
  job.grants = std::move(grants);
  assign_synthetic_addresses(job);
  return Snapshot(std::move(job));
}

constexpr std::chrono::sys_seconds today{std::chrono::seconds(1'800'000'000)};

bool dns_allows(const std::string& spelling) {
  auto snapshot = snapshot_of({grant("api.example.com", EgressMode::passthrough, 443)});
  return snapshot.address_of(spelling).has_value() || snapshot.knows(spelling);
}

bool sni_allows(const std::string& spelling) {
  const auto snapshot = snapshot_of({grant("api.example.com", EgressMode::passthrough, 443)});
  ClientHello hello;
  hello.server_name = spelling;
  const Destination there{snapshot.job().names[0].address, 443};
  return authorise(snapshot, there, Heard(hello), today).has_value();
}

bool http_allows(const std::string& request) {
  const auto snapshot = snapshot_of({grant("api.example.com", EgressMode::http, 80)});
  const auto read = read_request_head(request, 4096);
  const auto* head = std::get_if<RequestHead>(&read);
  const Destination there{snapshot.job().names[0].address, 80};
  return head != nullptr && authorise(snapshot, there, Heard(*head), today).has_value();
}

bool host_allows(const std::string& spelling) {
  return http_allows("GET / HTTP/1.1\r\nHost: " + spelling + "\r\n\r\n");
}

bool target_allows(const std::string& spelling) {
  return http_allows("GET http://" + spelling + "/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
}

}  // namespace

TEST_CASE("more than 300 spellings of other hosts are allowed in none of four protocols") {
  const auto spellings = foreign_spellings();
  REQUIRE(spellings.size() > 300);
  int false_allows = 0;
  for (const auto& spelling : spellings) {
    INFO(spelling);
    false_allows += dns_allows(spelling) + sni_allows(spelling);
    if (!is_padded(spelling)) false_allows += host_allows(spelling);
    if (!is_padded(spelling) && !begins_a_path(spelling)) false_allows += target_allows(spelling);
    CHECK(false_allows == 0);
  }
}

TEST_CASE("a granted host in any case of letters is itself in all four protocols") {
  for (const auto& spelling : own_spellings) {
    CHECK(dns_allows(spelling));
    CHECK(sni_allows(spelling));
    CHECK(host_allows(spelling));
    CHECK(host_allows(spelling + ":80"));
    CHECK(target_allows(spelling));
  }
}

TEST_CASE("an exact grant decides before a wildcard, a longer wildcard before a shorter one") {
  auto snapshot =
      snapshot_of({grant("*.example.com", EgressMode::raw, 443), grant("api.example.com", EgressMode::passthrough, 443),
                   grant("*.deep.example.com", EgressMode::http, 443)});
  CHECK(snapshot.grant_for(*snapshot.address_of("api.example.com"), 443, today) == 1);
  CHECK(snapshot.grant_for(*snapshot.address_of("www.example.com"), 443, today) == 0);
  CHECK(snapshot.grant_for(*snapshot.address_of("a.deep.example.com"), 443, today) == 2);
  CHECK_FALSE(snapshot.knows("example.com"));
}

TEST_CASE("names under wildcards get 64 addresses, each its own, and no more") {
  auto snapshot = snapshot_of({grant("*.example.com", EgressMode::passthrough, 443)});
  std::set<Ipv4> addresses;
  for (int i = 0; i < 64; ++i) addresses.insert(*snapshot.address_of("n" + std::to_string(i) + ".example.com"));
  CHECK(addresses.size() == 64);
  CHECK(snapshot.address_of("n64.example.com").error() == FlowReason::too_many_names);
  CHECK(addresses.count(*snapshot.address_of("N3.example.com")) == 1);
  CHECK(snapshot.name_at(*addresses.begin()).ends_with(".example.com"));
}

TEST_CASE("100,000 questions for denied names are refused from the table, and give nothing an address") {
  auto snapshot = snapshot_of({grant("api.example.com", EgressMode::passthrough, 443)});
  int allowed = 0;
  for (int i = 0; i < 100'000; ++i) allowed += snapshot.address_of("x" + std::to_string(i) + ".evil.test").has_value();
  CHECK(allowed == 0);
  CHECK(snapshot.name_at(snapshot.job().first_wildcard).empty());
}

TEST_CASE("an exact grant that has expired decides still: no wildcard lets out what it no longer does") {
  auto exact = grant("api.example.com", EgressMode::passthrough, 443);
  exact.expires = today;
  auto snapshot = snapshot_of({grant("*.example.com", EgressMode::raw, 443), exact});
  const auto address = *snapshot.address_of("api.example.com");
  CHECK(snapshot.grant_for(address, 443, today - std::chrono::seconds(1)) == 1);
  CHECK(snapshot.grant_for(address, 443, today).error() == FlowReason::grant_expired);
  CHECK(snapshot.grant_for(*snapshot.address_of("www.example.com"), 443, today) == 0);
}

TEST_CASE("a grant that has expired denies from that second on") {
  auto expiring = grant("api.example.com", EgressMode::raw, 443);
  expiring.expires = today;
  const auto snapshot = snapshot_of({expiring});
  const auto address = snapshot.job().names[0].address;
  CHECK(snapshot.grant_for(address, 443, today - std::chrono::seconds(1)) == 0);
  CHECK(snapshot.grant_for(address, 443, today).error() == FlowReason::grant_expired);
  CHECK(snapshot.grant_for(address, 444, today).error() == FlowReason::port_not_granted);
  CHECK(snapshot.grant_for(address + 1, 443, today).error() == FlowReason::no_grant);
}

TEST_CASE("the next end of a grant is known, and what has ended has") {
  auto first = grant("a.example.com", EgressMode::raw, 443), second = grant("b.example.com", EgressMode::raw, 443);
  first.expires = today + std::chrono::seconds(5);
  second.expires = today + std::chrono::seconds(2);
  const auto snapshot = snapshot_of({first, second, grant("c.example.com", EgressMode::raw, 443)});
  CHECK(snapshot.next_end(today) == second.expires);
  CHECK(snapshot.next_end(second.expires) == first.expires);
  CHECK_FALSE(snapshot.next_end(first.expires));
  CHECK_FALSE(snapshot.has_expired(1, second.expires - std::chrono::seconds(1)));
  CHECK(snapshot.has_expired(1, second.expires));
  CHECK_FALSE(snapshot.has_expired(0, second.expires));
  CHECK_FALSE(snapshot.has_expired(2, today + std::chrono::years(100)));
}

TEST_CASE("what was revoked grants nothing, whatever is asked and however it was known before") {
  auto snapshot = snapshot_of({grant("a.example.com", EgressMode::raw, 443)});
  const auto address = *snapshot.address_of("a.example.com");
  REQUIRE(authorise(snapshot, {address, 443}, Unread{}, today));
  snapshot.revoke();
  CHECK(snapshot.is_revoked());
  CHECK(authorise(snapshot, {address, 443}, Unread{}, today).error() == FlowReason::grant_revoked);
  CHECK(authorise(snapshot, {address, 444}, Unread{}, today).error() == FlowReason::grant_revoked);
}

TEST_CASE("a job's message survives the wire, and no other byte sequence is one") {
  EgressJob job;
  job.id = "job-7";
  job.grants = {grant("api.example.com", EgressMode::passthrough, 443), grant("*.example.net", EgressMode::http, 80)};
  assign_synthetic_addresses(job);
  const auto bytes = encode(job);
  REQUIRE(decode_egress_job(bytes) == job);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_egress_job(bytes.substr(0, size)));
  CHECK_FALSE(decode_egress_job(bytes + "x"));
  auto bad = job;
  bad.names[0].address = bad.resolver;
  CHECK_FALSE(decode_egress_job(encode(bad)));
  bad = job;
  bad.first_wildcard = bad.names[0].address;
  CHECK_FALSE(decode_egress_job(encode(bad)));
  bad = job;
  bad.names[0].name = "other.example.com";
  CHECK_FALSE(decode_egress_job(encode(bad)));
  bad = job;
  bad.grants.clear();
  CHECK_FALSE(decode_egress_job(encode(bad)));
  bad = job;
  bad.limits.max_connections = 0;
  CHECK_FALSE(decode_egress_job(encode(bad)));
  bad = job;
  bad.resolver = *parse_ipv4("8.8.8.8");
  CHECK_FALSE(decode_egress_job(encode(bad)));
  CHECK(decode_egress_answer(encode(EgressAnswer{EgressRefusal::no_room})) == EgressAnswer{EgressRefusal::no_room});
  CHECK_FALSE(decode_egress_answer("x"));
}
