// What admission refuses, whose limit it names, and that waiting as it says is enough.
#include <catch2/catch.hpp>

#include "supervisor/admission/admission.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime t0{1000s};

Claim claim(const std::string& tenant = "t", const std::string& actor = "ann") {
  return {actor, tenant, {}, "default"};
}

struct Desk {
  explicit Desk(AdmissionLimits limits) : admission(std::move(limits)) {}
  // The refusal's code and whose limit it is; empty: taken.
  std::string submit(Claim wish, SteadyTime now = t0) {
    const auto id = std::to_string(++ids);
    const auto answer = admission.admit(id, std::move(wish), now);
    if (!answer) {
      last = answer.error();
      return last.code + (last.limit ? " " + last.limit->scope + " " + last.limit->name : "");
    }
    admission.enter(id, now);
    admission.next(now);
    return "";
  }
  int submit_many(int times, const Claim& wish, SteadyTime now = t0) {
    int taken = 0;
    for (int i = 0; i < times; ++i) taken += submit(wish, now).empty() ? 1 : 0;
    return taken;
  }
  Admission admission;
  Rejection last;
  int ids = 0;
};

}  // namespace

TEST_CASE("an actor that the configuration denies is refused") {
  Desk desk({4, 4});
  CHECK(desk.submit(claim("")) == "unknown_actor");
  CHECK(desk.last.status == 403);
}

TEST_CASE("a rate is refused with 429, and Retry-After is when it works") {
  AdmissionLimits limits{1000, 1000};
  limits.rules.actors["ann"].rate = Rate{250, 3};  // one in four seconds
  Desk desk(limits);
  CHECK(desk.submit_many(10, claim()) == 3);
  CHECK(desk.last.status == 429);
  CHECK(desk.last.code == "rate_limited");
  CHECK(desk.last.retry_after == 4);
  CHECK(desk.last.limit->limit == "rate");
  CHECK(desk.last.limit->value == 0.25);
  CHECK(!desk.submit(claim(), t0 + 3999ms).empty());
  CHECK(desk.submit(claim(), t0 + 4s).empty());
  CHECK(desk.submit(claim("t", "bob"), t0).empty());
}

TEST_CASE("a star gives each one who is not named a limit of its own") {
  AdmissionLimits limits{1000, 1000};
  limits.rules.actors["*"].rate = Rate{1, 2};
  limits.rules.actors["free"] = {};
  Desk desk(limits);
  CHECK(desk.submit_many(9, claim("t", "uid:1")) == 2);
  CHECK(desk.submit_many(9, claim("t", "uid:2")) == 2);
  CHECK(desk.submit_many(9, claim("t", "free")) == 9);
}

TEST_CASE("a budget is refused with 429 until its window ends, and what is refused costs nothing") {
  AdmissionLimits limits{1000, 1000};
  limits.rules.tenants["t"].budgets = {{Resource::jobs, Window::hour, 2}};
  limits.rules.actors["*"].rate = Rate{1000, 100};
  Desk desk(limits);
  CHECK(desk.submit_many(50, claim()) == 2);
  CHECK(desk.submit(claim(), t0 + 10min) == "budget_exhausted tenant t");
  CHECK(desk.last.retry_after == 3000);
  CHECK(desk.last.detail == "tenant \"t\" has used 2 of 2 jobs per_hour");
  CHECK(desk.submit_many(200, claim("other"), t0) == 98);  // of ann's hundred, fifty were asked and two were taken
  CHECK(desk.submit(claim(), t0 + 1h).empty());
}

TEST_CASE("of several refusals the one that lasts longest is told") {
  AdmissionLimits limits{1000, 1000};
  limits.rules.tenants["t"].budgets = {{Resource::jobs, Window::day, 1}};
  limits.rules.actors["ann"].rate = Rate{1000, 1};
  Desk desk(limits);
  CHECK(desk.submit(claim()).empty());
  CHECK(desk.submit(claim()) == "budget_exhausted tenant t");
  CHECK(desk.last.retry_after == 86400);
}

TEST_CASE("too many at once wait, and are refused only when enough wait") {
  AdmissionLimits limits{1000, 1000};
  limits.rules.actors["ann"] = {1, 2, 3, {}, {}};
  Desk desk(limits);
  CHECK(desk.submit_many(20, claim()) == 5);
  CHECK(desk.admission.running() == 2);
  CHECK(desk.admission.waiting() == 3);
  CHECK(desk.last.status == 429);
  CHECK(desk.last.code == "too_many_queued");
  CHECK(desk.last.limit->limit == "max_queued");
  CHECK(desk.last.retry_after == 1);
  CHECK(desk.submit(claim("t", "bob")).empty());
}

TEST_CASE("with nothing allowed to wait, what can start at once is taken") {
  AdmissionLimits limits{4, 0};
  limits.rules.actors["ann"] = {1, 2, 0, {}, {}};
  Desk desk(limits);
  CHECK(desk.submit_many(9, claim()) == 2);
  CHECK(desk.submit_many(9, claim("t", "bob")) == 2);
  CHECK(desk.last.status == 503);
}

TEST_CASE("one tenant's flood leaves room in the queue for others, and so does one actor's in its tenant") {
  Desk desk({1, 1000});
  CHECK(desk.submit_many(5000, claim("flood", "f")) > 600);
  CHECK(desk.last.status == 429);
  CHECK(desk.last.code == "too_many_queued");
  CHECK(desk.last.limit->limit == "queue_share");
  CHECK(desk.submit_many(5000, claim("flood", "g")) >= 10);
  const auto second = desk.submit_many(5000, claim("second", "s"));
  CHECK(second > 100);
  CHECK(desk.submit_many(5000, claim("third", "u")) > 20);
  CHECK(desk.admission.waiting() < 1000);
}

TEST_CASE("a tenant of twice the weight may fill twice as much of what is free") {
  AdmissionLimits limits{1, 900};
  limits.rules.tenants["big"].weight = 2;
  const auto filled_by = [&](const std::string& tenant) {
    Desk desk(limits);
    int taken = 0;
    for (int i = 0; i < 5000; ++i) taken += desk.submit_many(1, claim(tenant, std::to_string(i % 50)));
    return taken;
  };
  CHECK(filled_by("big") == 1 + 800);    // 8 times the 100 that stay free
  CHECK(filled_by("small") == 1 + 720);  // 4 times 180
}

TEST_CASE("input that waits in memory is shared like places in the queue") {
  Desk desk({1, 100'000});
  auto large = claim("flood", "f");
  large.input_bytes = std::uint64_t{16} << 20;
  const auto taken = desk.submit_many(100, large);
  CHECK(taken > 18);
  CHECK(taken < 30);  // of 32
  CHECK(desk.last.limit->limit == "queue_share_bytes");
  large.tenant = "other";
  large.actor = "o";
  CHECK(desk.submit(large).empty());
  CHECK(desk.submit(claim("flood", "f")).empty());  // a small one
}

TEST_CASE("a full queue is the instance's: 503") {
  Desk desk({1, 3});
  CHECK(desk.submit_many(9, claim()) == 4);
  CHECK(desk.last.status == 503);
  CHECK(desk.last.code == "queue_full");
  CHECK(desk.last.limit->scope == "instance");
  CHECK(desk.last.retry_after.has_value());
}

TEST_CASE("a place is taken when a job is admitted, before it has entered, and is given back") {
  AdmissionLimits limits{1, 1};
  Desk desk(limits);
  CHECK(desk.submit(claim()).empty());
  REQUIRE(desk.admission.admit("a", claim(), t0));
  CHECK(!desk.admission.admit("b", claim(), t0));
  CHECK(desk.admission.position("a") == 1);
  CHECK(desk.admission.leave("a"));
  REQUIRE(desk.admission.admit("b", claim(), t0));
  desk.admission.ended("1", {}, Verdict::succeeded, t0);
  CHECK(!desk.admission.next(t0));  // not before it has entered
  desk.admission.enter("b", t0);
  CHECK(desk.admission.next(t0) == "b");
}

TEST_CASE("what waited before a restart is neither asked nor charged again") {
  AdmissionLimits limits{1, 1};
  limits.rules.actors["ann"].budgets = {{Resource::jobs, Window::hour, 1}};
  Desk desk(limits);
  CHECK(desk.submit(claim()).empty());
  for (const char* id : {"x", "y", "z"}) desk.admission.readmit(id, claim(), t0);
  CHECK(desk.admission.waiting() == 3);
  CHECK(desk.admission.budgets().rows(t0).at(0).used == 1);
  desk.admission.ended("1", {}, Verdict::succeeded, t0);
  CHECK(desk.admission.next(t0) == "x");
}

TEST_CASE("jobs wait for a budget that ran out after they were taken, and start when its window ends") {
  AdmissionLimits limits{10, 10};
  limits.rules.tenants["t"].budgets = {{Resource::cpu, Window::hour, 1'000'000}};
  Desk desk(limits);
  auto wish = claim();
  wish.at_most.cpu_us = 5'000'000;
  CHECK(desk.submit(wish).empty());
  CHECK(desk.submit(wish).empty());
  CHECK(desk.admission.running() == 1);
  CHECK(!desk.admission.look_again_at(t0));  // the first one's end decides
  desk.admission.ended("1", {1'500'000, 0, 0}, Verdict::succeeded, t0 + 5s);
  CHECK(!desk.admission.next(t0 + 5s));
  const auto again = desk.admission.look_again_at(t0 + 5s);
  REQUIRE(again == t0 + 5s + 1h);
  CHECK(!desk.admission.next(*again - 1ns));
  CHECK(desk.admission.next(*again) == "2");
  CHECK(desk.submit(claim("other", "bob")).empty());
}

TEST_CASE("while the host's reserve is near, or the launcher away, the queue keeps its bounds") {
  AdmissionLimits limits{10, 3};
  limits.rules.reserve = {1000, 0};
  for (const auto& room : {HostRoom{1500, {}}, HostRoom{500, {}}, HostRoom{{}, {}, false}}) {
    Desk desk(limits);
    desk.admission.see(room);
    desk.admission.next(t0);
    CHECK(desk.submit_many(20, claim()) <= 4);  // one may have started
    CHECK(desk.last.code == "queue_full");
  }
}

TEST_CASE("a reload with another rate begins with a full bucket, and one that turns a rule off closes its circuits") {
  AdmissionLimits slow{100, 10};
  slow.rules.actors["ann"].rate = Rate{10, 5};
  slow.rules.breaker.identical_failures = {2, std::chrono::seconds(60)};
  Desk desk(slow);
  CHECK(desk.submit_many(9, claim()) == 5);
  CHECK(desk.last.code == "rate_limited");
  auto fast = slow;
  fast.rules.actors["ann"].rate = Rate{5000, 2};
  desk.admission.set_limits(fast);
  CHECK(desk.submit_many(9, claim()) == 2);
  auto same = claim();
  same.body = 7;
  fast.rules.actors["ann"].rate.reset();
  desk.admission.set_limits(fast);
  for (const char* id : {"x", "y"}) {
    REQUIRE(desk.admission.admit(id, same, t0));
    desk.admission.enter(id, t0);
    REQUIRE(desk.admission.next(t0) == id);
    desk.admission.ended(id, {}, Verdict::failed, t0);
  }
  CHECK(desk.submit(same).find("circuit_open") == 0);
  fast.rules.breaker.identical_failures = {};
  fast.rules.breaker.failures = {50, std::chrono::seconds(60)};
  desk.admission.set_limits(fast);
  CHECK(desk.submit(same).empty());
}

TEST_CASE("below the host's reserve nothing starts, and it is looked again soon") {
  AdmissionLimits limits{10, 10};
  limits.rules.reserve = {1000, 0};
  Desk desk(limits);
  desk.admission.see({900, {}});
  CHECK(desk.submit(claim()).empty());
  CHECK(desk.admission.running() == 0);
  CHECK(desk.admission.held_by() == "memory");
  CHECK(desk.admission.look_again_at(t0) == t0 + slow_pace);
  CHECK(desk.submit(claim()).empty());
  desk.admission.see({1500, {}});
  CHECK(desk.admission.next(t0 + 1s) == "1");
  CHECK(!desk.admission.next(t0 + 1s));  // slowly
  CHECK(desk.admission.next(t0 + 1s + slow_pace) == "2");
  const auto notices = desk.admission.take_notices();
  REQUIRE(notices.size() == 2);
  CHECK(notices[0].event == "admission_held");
  CHECK(notices[1].event == "admission_resumed");
  desk.admission.see({2000, {}});
  CHECK(desk.submit_many(3, claim(), t0 + 2s) == 3);
  CHECK(desk.admission.running() == 5);
}

TEST_CASE("a loop is refused with 429, and its circuit can be reset") {
  AdmissionLimits limits{10, 10};
  limits.rules.breaker.identical_failures = {3, 60s};
  Desk desk(limits);
  auto wish = claim();
  wish.body = 42;
  for (int i = 1; i <= 3; ++i) {
    CHECK(desk.submit(wish).empty());
    desk.admission.ended(std::to_string(i), {}, Verdict::failed, t0);
  }
  CHECK(desk.submit(wish) == "circuit_open actor ann");
  CHECK(desk.last.status == 429);
  CHECK(desk.last.retry_after == 30);
  CHECK(desk.last.detail.find("3 identical jobs failed") == 0);
  CHECK(desk.admission.take_notices().size() == 1);
  CHECK(desk.admission.breaker().reset("ann") == 1);
  CHECK(desk.submit(wish).empty());
}

TEST_CASE("a caller can see every limit it comes under") {
  AdmissionLimits limits{10, 10};
  limits.rules.tenants["t"] = {2, 4, 5, Rate{1500, 3}, {{Resource::cpu, Window::day, 60'000'000}}};
  Desk desk(limits);
  CHECK(desk.submit(claim()).empty());
  const auto all = desk.admission.standing(claim(), t0);
  REQUIRE(all.size() == 5);
  CHECK(all[0].limit == "weight");
  CHECK(all[1].used == 1.0);
  CHECK(all[3].value == 1.5);
  CHECK(all[4].limit == "cpu_seconds per_day");
  CHECK(all[4].value == 60);
}
