// Who is next: shares, order, and that nobody starves.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "supervisor/admission/admission.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime t0{1000s};

Claim claim(std::string tenant, std::string actor, std::string profile = "default") {
  return {std::move(actor), std::move(tenant), {}, std::move(profile)};
}

AdmissionLimits slots(std::size_t running, const std::map<std::string, std::uint32_t>& weights = {}) {
  AdmissionLimits limits{running, 1'000'000};
  for (const auto& [tenant, weight] : weights) limits.rules.tenants[tenant].weight = weight;
  return limits;
}

// A host with so many slots on which time passes only here.
class Host {
 public:
  explicit Host(AdmissionLimits limits) : admission(std::move(limits)) {}

  std::string submit(const Claim& claim, std::chrono::milliseconds takes) {
    const auto id = std::to_string(++ids_);
    jobs_[id] = {claim.tenant, takes, now};
    REQUIRE(admission.admit(id, claim, now));
    admission.enter(id, now);
    return id;
  }
  void start_what_may() {
    while (const auto id = admission.next(now)) {
      auto& job = jobs_.at(*id);
      ends_.emplace(now + job.takes, *id);
      started.push_back(*id);
      waited[job.tenant] = std::max(waited[job.tenant], now - job.came);
    }
  }
  void until(SteadyTime end) {
    start_what_may();
    while (!ends_.empty() && ends_.begin()->first <= end) {
      const auto [at, id] = *ends_.begin();
      ends_.erase(ends_.begin());
      now = at;
      served[jobs_.at(id).tenant] += Share::launch + std::chrono::duration<double>(jobs_.at(id).takes).count();
      admission.ended(id, {}, Verdict::succeeded, now);
      if (on_end) on_end(jobs_.at(id).tenant);
      start_what_may();
    }
    now = end;
  }

  Admission admission;
  SteadyTime now = t0;
  std::vector<std::string> started;
  std::map<std::string, double> served;                    // seconds of slots, with what launching costs
  std::map<std::string, std::chrono::nanoseconds> waited;  // the longest
  std::function<void(const std::string& tenant)> on_end;

 private:
  struct Job {
    std::string tenant;
    std::chrono::milliseconds takes;
    SteadyTime came;
  };
  int ids_ = 0;
  std::map<std::string, Job> jobs_;
  std::set<std::pair<SteadyTime, std::string>> ends_;
};

}  // namespace

TEST_CASE("one alone is served in the order it came") {
  Host host(slots(1));
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(host.submit(claim("a", "x"), 10ms));
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(host.admission.position(ids[i]) == i + 1);
  host.until(t0 + 1s);
  CHECK(host.started == ids);
  CHECK(!host.admission.position(ids[0]));
}

TEST_CASE("a tenant's one job waits for one of the flood's, not for all") {
  Host host(slots(1));
  for (int i = 0; i < 1000; ++i) host.submit(claim("flood", "f"), 100ms);
  host.start_what_may();
  const auto mine = host.submit(claim("calm", "c"), 100ms);
  CHECK(host.admission.position(mine) == 1);
  host.until(t0 + 1s);
  CHECK(host.waited["calm"] == 100ms);
}

TEST_CASE("an actor's one job waits for one of another's flood in the same tenant") {
  Host host(slots(1));
  for (int i = 0; i < 1000; ++i) host.submit(claim("t", "flood"), 100ms);
  host.start_what_may();
  const auto mine = host.submit(claim("t", "calm"), 100ms);
  CHECK(host.admission.position(mine) == 1);
  host.until(t0 + 100ms);
  CHECK(host.started.back() == mine);
}

TEST_CASE("with many slots, each gets its part of them at the same time") {
  Host host(slots(12, {{"a", 2}, {"b", 1}}));
  for (int i = 0; i < 100; ++i) {
    host.submit(claim("a", "x"), 10s);
    host.submit(claim("b", "y"), 10s);
  }
  host.start_what_may();
  int of_a = 0;
  for (const auto& id : host.started) of_a += std::stoi(id) % 2;
  CHECK(of_a == 8);
}

TEST_CASE("shares are of time, not of jobs: long jobs do not buy more of the host") {
  Host host(slots(4));
  for (int i = 0; i < 4000; ++i) {
    host.submit(claim("long", "x"), 2s);
    if (i < 100'000) host.submit(claim("short", "y"), 50ms);
  }
  host.until(t0 + 60s);  // both still wait
  CHECK(host.served["long"] == Approx(host.served["short"]).epsilon(0.1));
}

TEST_CASE("who was away has saved nothing up, and what was used alone is not held against anybody") {
  Host host(slots(1));
  for (int i = 0; i < 100; ++i) host.submit(claim("a", "x"), 1s);
  host.until(t0 + 100s);  // alone, and all done
  for (int i = 0; i < 100; ++i) host.submit(claim("b", "y"), 100ms);
  for (int i = 0; i < 100; ++i) host.submit(claim("a", "x"), 100ms);
  host.started.clear();
  host.until(t0 + 102s);
  const auto of_a =
      std::count_if(host.started.begin(), host.started.end(), [](const auto& id) { return std::stoi(id) > 200; });
  CHECK(of_a == Approx(static_cast<double>(host.started.size()) / 2).margin(2));
}

TEST_CASE("everybody gets their share, whatever they ask and when: nobody starves") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto upto = [&](unsigned most) { return 1 + static_cast<unsigned>(random() % most); };
    std::map<std::string, std::uint32_t> weights;
    const auto tenants = 1 + upto(5);
    for (unsigned i = 0; i < tenants; ++i) weights["t" + std::to_string(i)] = upto(4);
    const auto running = upto(8);
    Host host(slots(running, weights));
    std::map<std::string, unsigned> longest;
    for (const auto& [tenant, weight] : weights) longest[tenant] = upto(1000);
    const auto submit = [&](const std::string& tenant) {
      host.submit(claim(tenant, "actor" + std::to_string(random() % 3)),
                  std::chrono::milliseconds(upto(longest[tenant])));
    };
    for (const auto& [tenant, weight] : weights) {
      for (unsigned i = 0; i < 2 * running + upto(50); ++i) submit(tenant);
    }
    host.on_end = submit;  // always as many wait as at first
    host.until(t0 + 300s);
    double all = 0, served = 0;
    for (const auto& [tenant, weight] : weights) {
      all += weight;
      served += host.served[tenant];
    }
    CHECK(served > 295.0 * running);  // no slot was idle
    for (const auto& [tenant, weight] : weights) {
      INFO(tenant << " of weight " << weight << " of " << all << ", on " << running);
      // Within what each may be ahead by: a second for each slot, and the jobs that ran at the end.
      CHECK(std::abs(host.served[tenant] - served * weight / all) < 2.0 * running);
    }
  }
}

TEST_CASE("a tenant that asks little is served at once, whatever the others ask") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Host host(slots(4));
    for (int i = 0; i < 3000; ++i)
      host.submit(claim("flood" + std::to_string(i % 2), "f"), std::chrono::milliseconds(1 + random() % 400));
    for (int i = 0; i < 100; ++i) {
      host.until(host.now + std::chrono::milliseconds(500 + random() % 1000));
      host.submit(claim("calm", "c"), 20ms);
      host.start_what_may();
    }
    host.until(host.now + 1s);
    CHECK(host.waited["calm"] <= 400ms);  // until the next of the running ones ends
  }
}

TEST_CASE("who may not start for limits of its own holds nobody up, and saves nothing up") {
  auto limits = slots(4);
  limits.rules.tenants["capped"].max_running = 1;
  Host host(limits);
  for (int i = 0; i < 500; ++i) {
    host.submit(claim("capped", "x"), 1s);
    host.submit(claim("free", "y"), 1s);
  }
  host.until(t0 + 100s);
  CHECK(host.served["capped"] == Approx(100).margin(2));
  CHECK(host.served["free"] == Approx(300).margin(3));
  limits.rules.tenants["capped"].max_running = 4;
  host.admission.set_limits(limits);
  host.served.clear();
  host.until(t0 + 120s);
  CHECK(host.served["free"] == Approx(40).margin(6));
}

TEST_CASE("what each used while nobody had to wait is held against nobody") {
  Host host(slots(5));
  for (int i = 0; i < 3; ++i) host.submit(claim("much", "x"), 10s);
  host.submit(claim("little", "y"), 10s);
  host.until(t0 + 8s);
  host.submit(claim("none", "z"), 2s);
  host.until(t0 + 9s);
  for (int i = 0; i < 1000; ++i) {
    host.submit(claim("little", "y"), 100ms);
    host.submit(claim("much", "x"), 100ms);
  }
  host.until(t0 + 10s);
  host.served.clear();
  host.until(t0 + 20s);
  CHECK(host.served["much"] == Approx(25).margin(3));
}

TEST_CASE("jobs of a profile that is full are passed by the actor's other jobs") {
  auto limits = slots(4);
  limits.rules.profiles["compile"].max_running = 1;
  Host host(limits);
  const auto first = host.submit(claim("t", "x", "compile"), 1s), second = host.submit(claim("t", "x", "compile"), 1s);
  const auto other = host.submit(claim("t", "x"), 1s);
  host.start_what_may();
  CHECK(host.started == std::vector<std::string>{first, other});
  CHECK(host.admission.position(second) == 1);
  host.until(t0 + 1s);
  CHECK(host.started.back() == second);
}

TEST_CASE("positions foretell the order, as long as jobs cost alike and nobody comes") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::map<std::string, std::uint32_t> weights;
    for (unsigned i = 0; i < 1 + random() % 4; ++i)
      weights["t" + std::to_string(i)] = 1 + static_cast<unsigned>(random() % 3);
    Host host(slots(1, weights));
    std::vector<std::string> ids;
    for (unsigned i = 0; i < 60; ++i) {
      ids.push_back(
          host.submit(claim("t" + std::to_string(random() % weights.size()), std::to_string(random() % 3)), 1000ms));
      if (i == 20) host.until(host.now + 5s);
    }
    host.until(host.now + 3s);
    std::map<std::size_t, std::string> foretold;
    for (const auto& id : ids) {
      const auto position = host.admission.position(id);
      if (position) CHECK(foretold.emplace(*position, id).second);
    }
    REQUIRE(foretold.rbegin()->first == foretold.size());
    host.started.clear();
    host.until(host.now + 100s);
    std::vector<std::string> order;
    for (const auto& [position, id] : foretold) order.push_back(id);
    CHECK(order == host.started);
  }
}

TEST_CASE("cancelling moves the others up") {
  Host host(slots(1));
  host.submit(claim("a", "x"), 1s);
  host.start_what_may();
  const auto second = host.submit(claim("a", "x"), 1s), third = host.submit(claim("a", "x"), 1s);
  CHECK(host.admission.leave(second));
  CHECK(!host.admission.leave(second));
  CHECK(host.admission.position(third) == 1);
  host.until(t0 + 1500ms);
  CHECK(host.started.back() == third);
  CHECK(host.admission.running() == 1);
}
