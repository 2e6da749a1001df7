// What a job may still use, grants by address, and what a launcher is answered.
#include <catch2/catch.hpp>
#include <set>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/policy/budget.hpp"

using namespace cordon;
using namespace cordon::egress;
using namespace std::chrono_literals;

TEST_CASE("connections are counted while they live, and attempts as they come") {
  const Clock::time_point start{};
  EgressBudget terms;
  terms.max_connections = 2;
  terms.connections_per_second = 3;
  terms.max_bytes_up = 10;
  terms.max_bytes_down = 20;
  auto budget = Budget::of(terms, start);
  CHECK(budget.open() == FlowReason::none);
  CHECK(budget.open() == FlowReason::none);
  CHECK(budget.open() == FlowReason::too_many_connections);
  CHECK(budget.live() == 2);
  budget.close();
  CHECK(budget.open() == FlowReason::none);
  for (int i = 0; i < 3; ++i) CHECK(budget.attempt(start) == FlowReason::none);
  CHECK(budget.attempt(start) == FlowReason::too_many_connections_per_second);
  CHECK(budget.attempt(start + 1s) == FlowReason::none);
  budget.spend(Direction::up, 10);
  budget.spend(Direction::down, 5);
  CHECK(budget.left(Direction::up) == 0);
  CHECK(budget.left(Direction::down) == 15);
  CHECK(spent(Direction::up) == FlowReason::bytes_up_spent);
  CHECK(spent(Direction::down) == FlowReason::bytes_down_spent);
}

TEST_CASE("the budget of a whole job is its limits', and has no rate of bytes beside the grants'") {
  const Clock::time_point start{};
  EgressLimits limits;
  limits.max_connections = 1;
  limits.max_bytes_down = 7;
  auto budget = Budget::of(limits, start);
  CHECK(budget.left(Direction::down) == 7);
  CHECK(budget.open() == FlowReason::none);
  CHECK(budget.open() == FlowReason::too_many_connections);
  CHECK(budget.rate().available(start) == max_egress_bytes);
}

TEST_CASE("an IPv4 network is taken in the one form that it is written in") {
  for (const auto* text : {"192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32"})
    CHECK(to_text(*parse_ipv4_network(text)) == text);
  CHECK(to_text(*parse_ipv4_network("192.0.2.7")) == "192.0.2.7/32");
  CHECK(to_text(*parse_ipv4("198.18.0.1")) == "198.18.0.1");
  for (const auto* text : {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024", "192.0.2/24", "192.0.2.0/24 ",
                           "192.0.2.0x24", "0300.0.2.0/24", ""})
    CHECK_FALSE(parse_ipv4_network(text));
}

TEST_CASE("a grant by address permits the address that was connected to, and no name") {
  EgressGrant grant;
  grant.network = *parse_ipv4_network("192.0.2.0/24");
  grant.ports = {5432};
  grant.mode = EgressMode::raw;
  EgressJob job;
  job.id = "job";
  job.grants = {grant};
  job.private_egress = true;
  assign_synthetic_addresses(job);
  const Snapshot snapshot(job);
  const auto here = *parse_ipv4("192.0.2.9");
  const auto permit = authorise(snapshot, {here, 5432}, Unread{}, {});
  REQUIRE(permit);
  CHECK(permit->address() == here);
  CHECK(permit->name().empty());
  CHECK(permit->port() == 5432);
  CHECK(permit->private_egress());
  CHECK(snapshot.name_at(here) == "192.0.2.9");
  CHECK(authorise(snapshot, {here + 0x100, 5432}, Unread{}, {}).error() == FlowReason::no_grant);
}

TEST_CASE("each refusal of a launcher's job has words of its own") {
  std::set<std::string> words;
  for (const auto refusal : {EgressRefusal::none, EgressRefusal::malformed, EgressRefusal::descriptors,
                             EgressRefusal::no_room, EgressRefusal::duplicate, EgressRefusal::no_evidence})
    words.insert(to_string(refusal));
  CHECK(words.size() == 6);
  CHECK(words.count("") == 0);
}
