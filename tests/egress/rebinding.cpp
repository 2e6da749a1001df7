#include "tests/egress/rebinding.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/egress/forms.hpp"
#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

namespace cordon::egress_test {

namespace {

constexpr std::uint16_t echo = 7000;
constexpr int tries_of_a_job = 500;  // no budget of a second is spent by them
constexpr const char* public_address = "93.184.216.40";

// Of A or AAAA: what one question is answered with.
Json answer(std::mt19937& random, const std::vector<std::string>& denied, const std::vector<std::string>& fine) {
  Json out = Json::array();
  for (auto n = random() % 3; n > 0; --n) out.push_back(fine[random() % fine.size()]);
  out.insert(out.begin() + static_cast<long>(random() % (out.size() + 1)), denied[random() % denied.size()]);
  return out;
}

// By turns: one fine address and nothing else; then one denied among what there is, in one family or the other.
struct Turns {
  Json a = Json::array(), aaaa = Json::array();
};
Turns turns_of(int tries, std::mt19937& random) {
  Turns out;
  for (int i = 0; i < tries; ++i) {
    const bool is_fine = i % 2 == 0, in_v6 = i % 4 == 3;
    out.a.push_back(is_fine || in_v6 ? Json::array({public_address}) : answer(random, denied_v4, allowed_v4));
    out.aaaa.push_back(in_v6 ? answer(random, denied_v6, allowed_v6) : Json::array());
  }
  return out;
}

struct Seen {
  int passed = 0, refused = 0;
};
void try_it(Seen& seen, const World& world, const EgressJob& job, Proxy& proxy, std::size_t flows) {
  Connection connection(world, job.names[0].address, echo);
  connection.send("x");
  const bool passed = connection.receive(std::chrono::seconds(10), 1).bytes == "x";
  connection.close();
  const auto closed = proxy.watcher().wait_for<FlowClosed>(flows);
  REQUIRE(closed.size() == flows);
  const auto& last = closed.back();
  seen.passed += passed;
  seen.refused += last.reason == FlowReason::address_denied && !last.dialled;
}

}  // namespace

void rebind(int tries) {
  World world;
  Proxy proxy(world);
  std::mt19937 random(23);
  const auto turns = turns_of(tries, random);
  world.name("a.test", turns.a, {{"AAAA", turns.aaaa}});
  Seen seen;
  for (int tried = 0; tried < tries; tried += tries_of_a_job) {
    const auto job = job_of({grant("a.test", {echo}, EgressMode::raw)}, "job-" + std::to_string(tried));
    auto open = proxy.open(job);
    REQUIRE(open.served());
    proxy.watcher().forget();
    const auto some = std::min(tries - tried, tries_of_a_job);
    for (int i = 0; i < some; ++i) try_it(seen, world, job, proxy, static_cast<std::size_t>(i) + 1);
    open.close();
    REQUIRE(proxy.watcher().wait_for<JobClosed>().size() == 1);  // the next one shares the sandbox with it
  }
  CHECK(seen.passed == tries / 2);
  CHECK(seen.refused == tries / 2);
  const auto counts = world.counts();
  CHECK(counts["queries"].size() == static_cast<std::size_t>(2 * tries));  // each flow asks for itself, once
  int reached = 0;
  for (const auto& one : counts["connections"]) reached += one["port"] == echo ? 1 : 0;
  CHECK(reached == tries / 2);
  CHECK(beyond(counts["packets"], {"17 9.9.9.9 53", "6 9.9.9.9 53", "1 9.9.9.9 0", "6 93.184.216.40 7000"}) == nowhere);
}

}  // namespace cordon::egress_test
