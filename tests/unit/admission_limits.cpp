// Rates and budgets: with time as an argument.
#include <catch2/catch.hpp>
#include <random>

#include "supervisor/admission/budgets.hpp"
#include "supervisor/admission/token_bucket.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime t0{1000s};
const LimitScope ci{ScopeKind::tenant, "ci"}, ann{ScopeKind::actor, "ann"};

// How many jobs a bucket lets through that is asked every `step`.
int taken(TokenBucket& bucket, const Rate& rate, SteadyTime from, std::chrono::nanoseconds step, int times) {
  int count = 0;
  for (int i = 0; i < times; ++i) {
    const auto now = from + i * step;
    if (bucket.wait(rate, now) > 0ns) continue;
    bucket.take(rate, now);
    ++count;
  }
  return count;
}

struct Ruled {
  std::vector<BudgetRule> rules;
  Budgets::Scopes scopes{{ci, &rules}};
};

Ruled one_rule(Resource resource, std::uint64_t limit, Window window = Window::hour) {
  return {{{resource, window, limit}}};
}

}  // namespace

TEST_CASE("a bucket lets a burst through, and then the rate") {
  const Rate rate{2000, 5};
  TokenBucket bucket;
  CHECK(taken(bucket, rate, t0, 0ns, 100) == 5);
  CHECK(bucket.wait(rate, t0) == 500ms);
  CHECK(taken(bucket, rate, t0 + 10ms, 10ms, 1000) == 20);  // ten seconds of two a second
}

TEST_CASE("what a bucket says to wait is exactly enough") {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const Rate rate{1 + random() % 100'000, 1 + random() % 20};
    TokenBucket bucket;
    auto now = t0;
    for (int jobs = 0; jobs < 50; ++jobs) {
      now += std::chrono::nanoseconds(random() % 1'000'000'000);
      const auto wait = bucket.wait(rate, now);
      if (wait > 0ns) {
        REQUIRE(bucket.wait(rate, now + wait - 1ns) > 0ns);
        REQUIRE(bucket.wait(rate, now + wait) == 0ns);
        now += wait;
      }
      bucket.take(rate, now);
    }
  }
}

TEST_CASE("a bucket is full after any pause, and never more than full") {
  const Rate rate{1, 3};  // one in a thousand seconds
  for (const auto pause : {3000s, 86'400s, std::chrono::seconds(36'500 * 86'400LL)}) {
    TokenBucket bucket;
    CHECK(taken(bucket, rate, t0, 0ns, 9) == 3);
    CHECK(!bucket.is_full(t0 + 2999s));
    CHECK(bucket.is_full(t0 + pause));
    CHECK(taken(bucket, rate, t0 + pause, 0ns, 9) == 3);
  }
}

TEST_CASE("a bucket holds at both ends of the clock") {
  const Rate slow{1, 1'000'000};
  for (const auto now : {SteadyTime::min() + 1s, SteadyTime{}, SteadyTime::max() - 1s}) {
    TokenBucket bucket;
    CHECK(bucket.wait(slow, now) == 0ns);
    bucket.take(slow, now);
    CHECK(bucket.wait(slow, now) >= 0ns);
    CHECK(bucket.wait(Rate{1, 1}, now) > 0ns);
  }
}

TEST_CASE("a budget is used up when its limit is reached, and whole again when its window has ended") {
  Budgets budgets;
  const auto three = one_rule(Resource::jobs, 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(!budgets.exhausted(three.scopes, t0 + i * 1min));
    budgets.charge_job(three.scopes, t0 + i * 1min);
  }
  const auto used_up = budgets.exhausted(three.scopes, t0 + 10min);
  REQUIRE(used_up);
  CHECK(used_up->used == 3);
  CHECK(used_up->remaining == 50min);
  CHECK(budgets.exhausted(three.scopes, t0 + 1h - 1ns));
  CHECK(!budgets.exhausted(three.scopes, t0 + 1h));
  budgets.charge_job(three.scopes, t0 + 5h);  // the next window begins here, not on a full hour
  CHECK(budgets.states(three.scopes, t0 + 5h + 20min).at(0).remaining == 40min);
}

TEST_CASE("of several budgets the one that lasts longest is named") {
  Budgets budgets;
  Ruled both{{{Resource::jobs, Window::hour, 1}, {Resource::jobs, Window::day, 1}}};
  budgets.charge_job(both.scopes, t0);
  CHECK(budgets.exhausted(both.scopes, t0)->rule.window == Window::day);
}

TEST_CASE("jobs that run hold what they may take, so that only the last one goes beyond a budget") {
  Budgets budgets;
  const auto cpu = one_rule(Resource::cpu, 25'000'000);
  const Spend ten{10'000'000, 0, 0};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(budgets.may_start(cpu.scopes, t0));
    budgets.start(cpu.scopes, ten);
  }
  CHECK(!budgets.may_start(cpu.scopes, t0));
  CHECK(!budgets.exhausted(cpu.scopes, t0));  // nothing is used yet: it may be submitted, and waits
  budgets.end(cpu.scopes, ten, {1'000'000, 0, 0}, t0);
  CHECK(budgets.may_start(cpu.scopes, t0));  // 1 s was used, 20 s are held
  budgets.end(cpu.scopes, ten, ten, t0);
  budgets.end(cpu.scopes, ten, {14'000'000, 0, 0}, t0);
  CHECK(budgets.exhausted(cpu.scopes, t0));
  CHECK(budgets.states(cpu.scopes, t0).at(0).used == 25'000'000);
  CHECK(!budgets.may_start(cpu.scopes, t0));
  CHECK(budgets.next_end(t0) == t0 + 1h);
  CHECK(!budgets.next_end(t0 + 1h));
}

TEST_CASE("output and artifacts have budgets of their own, and each scope its own") {
  Budgets budgets;
  const std::vector<BudgetRule> output{{Resource::output, Window::day, 100}},
      artifacts{{Resource::artifacts, Window::day, 100}};
  const Budgets::Scopes scopes{{ci, &output}, {ann, &artifacts}};
  budgets.start(scopes, {});
  budgets.end(scopes, {}, {7, 60, 100}, t0);
  const auto used_up = budgets.exhausted(scopes, t0);
  REQUIRE(used_up);
  CHECK(used_up->scope == ann);
  CHECK(budgets.states(scopes, t0).at(0).used == 60);
  CHECK(!budgets.exhausted({{LimitScope{ScopeKind::actor, "bob"}, &artifacts}}, t0));
}

TEST_CASE("a restart gives nothing back: what was used, and the rest of the window, go on") {
  const auto two = one_rule(Resource::jobs, 2);
  Budgets before;
  before.charge_job(two.scopes, t0);
  before.charge_job(two.scopes, t0);
  const auto rows = before.rows(t0 + 20min);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].remaining == 40min);

  const SteadyTime other_clock{5s};
  SECTION("the pause is known") {
    Budgets after;
    after.restore(rows[0], 30min, other_clock);
    CHECK(after.exhausted(two.scopes, other_clock)->remaining == 10min);
    CHECK(!after.exhausted(two.scopes, other_clock + 10min));
  }
  SECTION("the pause is not known, or is told wrongly: it counts as nothing") {
    for (const auto pause : {0ms, -86'400'000ms}) {
      Budgets after;
      after.restore(rows[0], pause, other_clock);
      CHECK(after.exhausted(two.scopes, other_clock)->remaining == 40min);
    }
  }
  SECTION("the window ended meanwhile") {
    Budgets after;
    after.restore(rows[0], 40min, other_clock);
    CHECK(after.rows(other_clock).empty());
  }
  SECTION("a row that says more than there is, is not believed") {
    auto row = rows[0];
    row.remaining = 1000h;
    Budgets after;
    after.restore(row, 0ms, other_clock);
    CHECK(after.exhausted(two.scopes, other_clock)->remaining == 1h);
  }
}

TEST_CASE("what changed is told once, and so is what ended") {
  const auto jobs = one_rule(Resource::jobs, 9);
  Budgets budgets;
  budgets.charge_job(jobs.scopes, t0);
  budgets.charge_job(jobs.scopes, t0);
  auto rows = budgets.changed_rows(t0);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].name == "ci");
  CHECK(rows[0].used == 2);
  CHECK(budgets.changed_rows(t0).empty());
  budgets.start(jobs.scopes, {});
  budgets.end(jobs.scopes, {}, {}, t0 + 2h);
  rows = budgets.changed_rows(t0 + 2h);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].used == 0);
  CHECK(budgets.rows(t0 + 2h).empty());
}
