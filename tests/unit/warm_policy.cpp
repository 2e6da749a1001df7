#include "supervisor/warm/warm_policy.hpp"

#include <catch2/catch.hpp>

using namespace cordon;
using namespace std::chrono_literals;

namespace {

const Sha256 plain{1}, strict{2};
const WarmKind on_host{plain, "host"}, on_debian{plain, "debian"}, strict_on_host{strict, "host"};

// A pool whose launcher prepares at once, at a time of our own.
struct Pool {
  explicit Pool(WarmRule rule = {2, 8, "host"}, std::size_t most = 100) {
    policy.configure({{{plain, {"plain", rule}}}, most});
    policy.see({0, true});
  }

  // What a look does, `ready` or only begun; the ids of what was begun.
  std::vector<WarmPolicy::Id> look(bool ready = true) {
    for (const auto id : policy.drop(now)) dropped.push_back(id);
    std::vector<WarmPolicy::Id> begun;
    while (const auto wanted = policy.next(now)) {
      begun.push_back(wanted->id);
      kinds[wanted->id] = wanted->kind;
      policy.opened(wanted->id);
      if (ready) policy.prepared(wanted->id, now);
    }
    return begun;
  }
  WarmPolicy::Standing of(const WarmKind& kind = on_host) const {
    for (const auto& standing : policy.standing(now)) {
      if (standing.image == kind.image) return standing;
    }
    return {};
  }
  // Jobs that come at the same moment, and are answered after `time`; how many of them went cold.
  int burst(int jobs, std::chrono::milliseconds time = 1ms, const WarmKind& kind = on_host) {
    int cold = 0;
    for (int i = 0; i < jobs; ++i) cold += policy.take(kind, std::to_string(i), now) ? 0 : 1;
    now += time;
    for (int i = 0; i < jobs; ++i) policy.answered(std::to_string(i));
    return cold;
  }

  WarmPolicy policy{1};
  WarmPolicy::Time now{1h};
  std::map<WarmPolicy::Id, WarmKind> kinds;
  std::vector<WarmPolicy::Id> dropped;
};

}  // namespace

TEST_CASE("a pool that is idle fills to its minimum, one after the other") {
  Pool pool;
  const auto first = pool.look(false);
  CHECK(first.size() == 1);  // only so many are prepared at once
  CHECK(pool.look(false).empty());
  pool.policy.prepared(first.front(), pool.now);
  CHECK(pool.look().size() == 1);
  CHECK(pool.look().empty());
  CHECK(pool.of().ready == 2);
  CHECK(pool.of().profile == "plain");
}

TEST_CASE("the one that stands longest is taken first, and none twice") {
  Pool pool;
  const auto ids = pool.look();
  REQUIRE(ids.size() == 2);
  pool.now += 3s;
  const auto first = pool.policy.take(on_host, "a", pool.now), second = pool.policy.take(on_host, "b", pool.now);
  REQUIRE((first && second));
  CHECK(first->id == ids[0]);
  CHECK(second->id == ids[1]);
  CHECK(first->ready);
  CHECK(first->age == 3s);
  CHECK_FALSE(pool.policy.has(ids[0]));
  const auto third = pool.policy.take(on_host, "c", pool.now);
  REQUIRE_FALSE(third);
  CHECK(third.error() == WarmPolicy::Cold::missed);
}

TEST_CASE("one that is about to be ready is better than none, once it can be talked to") {
  Pool pool({1, 1, "host"});
  const auto wanted = pool.policy.next(pool.now);
  REQUIRE(wanted);
  CHECK_FALSE(pool.policy.take(on_host, "a", pool.now));
  pool.policy.opened(wanted->id);
  const auto taken = pool.policy.take(on_host, "b", pool.now);
  REQUIRE(taken);
  CHECK(taken->id == wanted->id);
  CHECK_FALSE(taken->ready);
}

TEST_CASE("a profile without a rule has none, and asking for it is no miss") {
  Pool pool;
  const auto taken = pool.policy.take(strict_on_host, "a", pool.now);
  REQUIRE_FALSE(taken);
  CHECK(taken.error() == WarmPolicy::Cold::unruled);
  pool.policy.answered("a");
  CHECK(pool.look().size() == 2);
  for (const auto& [id, kind] : pool.kinds) CHECK(kind == on_host);
}

TEST_CASE("what was taken is replaced behind the answer") {
  Pool pool;
  pool.look();
  REQUIRE(pool.policy.take(on_host, "a", pool.now));
  pool.now += 5ms;
  CHECK(pool.look().empty());  // the job has not been answered
  pool.policy.answered("a");
  CHECK(pool.look().size() == 1);
}

TEST_CASE("a job that goes on for long is not waited for") {
  Pool pool;
  pool.look();
  REQUIRE(pool.policy.take(on_host, "a", pool.now));
  const auto when = pool.policy.look_again_at(pool.now);
  REQUIRE(when);
  CHECK(*when == pool.now + WarmPolicy::behind_jobs);
  pool.now = *when;
  CHECK(pool.look().size() == 1);
  pool.policy.answered("a");
}

TEST_CASE("the last one that is taken is replaced at once, unless jobs wait") {
  Pool pool;
  pool.look();
  REQUIRE(pool.policy.take(on_host, "a", pool.now));
  CHECK(pool.look().empty());  // one stands ready
  REQUIRE(pool.policy.take(on_host, "b", pool.now));
  const bool queued = GENERATE(true, false);
  pool.policy.see({queued ? 1U : 0U, true});
  const auto when = pool.policy.look_again_at(pool.now);
  REQUIRE(when);
  CHECK(*when == (queued ? pool.now + WarmPolicy::behind_jobs : pool.now));
  CHECK(pool.look().size() == (queued ? 0 : 1));
  CHECK(pool.look().empty());  // the one that is left to be begun waits
}

TEST_CASE("of jobs that come back to back, each finds a sandbox") {
  Pool pool;
  pool.look();
  int begun = 0, cold = 0;
  for (int ms = 0; ms < 1000; ++ms, pool.now += 1ms) {
    cold += pool.policy.take(on_host, "old" + std::to_string(ms), pool.now) ? 0 : 1;
    if (ms > 0) pool.policy.answered("old" + std::to_string(ms - 1));
    begun += static_cast<int>(pool.look().size());
  }
  CHECK(cold == 0);
  CHECK(begun <= 1000 + 8);
}

TEST_CASE("while jobs wait, one is prepared now and then all the same") {
  Pool pool({8, 8, "host"});
  pool.look();
  pool.policy.see({1, true});
  pool.burst(8, 0ms);
  int begun = 0;
  const auto begin = pool.now;
  for (; begun < 8 && pool.now < begin + 1s; pool.now += 1ms) begun += static_cast<int>(pool.look().size());
  CHECK(begun == 8);  // then it was full
  CHECK(pool.now - begin >= 7 * WarmPolicy::behind_jobs);
}

TEST_CASE("interpreters are not begun beside a job, however many are missing") {
  Pool pool({0, 8, "host", {{"python", {1, 1}}}});
  const WarmKind python{plain, "host", "python"};
  REQUIRE(pool.look().size() == 1);
  REQUIRE(pool.policy.take(python, "a", pool.now));
  CHECK(pool.look().empty());
  pool.policy.answered("a");
  CHECK(pool.look().size() == 1);
}

TEST_CASE("a burst makes the pool larger for the next one, and half a minute of quiet halves that") {
  Pool pool;
  pool.look();
  CHECK(pool.burst(6) == 4);
  pool.look();
  CHECK(pool.of().ready == 6);
  pool.now += 1s;
  CHECK(pool.burst(6) == 0);
  pool.look();
  pool.now += Demand::half_life;
  pool.look();
  CHECK(pool.of().ready == 3);
  pool.now += 10min;
  pool.look();
  CHECK(pool.of().ready == 2);
}

TEST_CASE("however many are asked for, there are no more than the maximum, nor than all may have together") {
  Pool pool({2, 8, "host"});
  pool.burst(50);
  pool.look();
  CHECK(pool.of().ready == 8);
  Pool small({2, 8, "host"}, 3);
  small.burst(50);
  small.look();
  CHECK(small.of().ready == 3);
}

TEST_CASE("steady jobs with pauses between them keep few, and never miss") {
  Pool pool;
  pool.look();
  for (int i = 0; i < 500; ++i) {
    CHECK(pool.burst(1) == 0);
    pool.look();
    pool.now += 40ms;
  }
  CHECK(pool.of().target <= 4);
}

TEST_CASE("another image has some while it is in demand, and none afterwards") {
  Pool pool({1, 8, "host"});
  pool.look();
  CHECK(pool.burst(1, 1ms, on_debian) == 1);
  pool.look();
  CHECK(pool.of(on_debian).ready == 1);
  CHECK(pool.of(on_debian).min == 0);
  pool.now += 2min;
  pool.look();
  CHECK(pool.of(on_debian).ready == 0);
  CHECK(pool.policy.standing(pool.now).size() == 1);
  CHECK(pool.of().ready == 1);
}

TEST_CASE("a host that is short of something has no warm sandboxes, at once, the oldest going first") {
  Pool pool({4, 4, "host"});
  const auto ids = pool.look();
  pool.policy.see({0, false});
  CHECK(pool.look().empty());
  CHECK(pool.dropped == ids);
  CHECK_FALSE(pool.policy.take(on_host, "a", pool.now));
  pool.policy.answered("a");
  CHECK(pool.policy.look_again_at(pool.now) == pool.now + WarmPolicy::look_pause);
  pool.policy.see({0, true});
  CHECK(pool.look().size() == 4);
}

TEST_CASE("what has stood too long is replaced") {
  Pool pool({1, 1, "host"});
  const auto ids = pool.look();
  pool.now += WarmPolicy::max_age - 1s;
  CHECK(pool.look().empty());
  pool.now += 1s;
  CHECK(pool.look().size() == 1);
  CHECK(pool.dropped == ids);
}

TEST_CASE("a profile that has changed takes its sandboxes with it, and the new one has its own") {
  Pool pool;
  const auto ids = pool.look();
  pool.policy.configure({{{strict, {"plain", {2, 8, "host"}}}}, 100});
  const auto begun = pool.look();
  CHECK(pool.dropped == ids);
  REQUIRE(begun.size() == 2);
  CHECK(pool.kinds[begun[0]] == strict_on_host);
  const auto old = pool.policy.take(on_host, "a", pool.now);
  REQUIRE_FALSE(old);
  CHECK(old.error() == WarmPolicy::Cold::unruled);
}

TEST_CASE("no rules, no sandboxes, nothing to look for") {
  Pool pool;
  pool.look();
  pool.policy.configure({});
  pool.look();
  CHECK(pool.dropped.size() == 2);
  CHECK_FALSE(pool.policy.look_again_at(pool.now));
}

TEST_CASE("a sandbox that cannot be prepared is tried again after pauses that grow, and told of once") {
  Pool pool({4, 4, "host"});
  int tried = 0, told = 0;
  for (const auto end = pool.now + 5min; pool.now < end; pool.now += 100ms) {
    for (const auto id : pool.look(false)) {
      ++tried;
      told += pool.policy.ended(id, pool.now) ? 1 : 0;
    }
  }
  CHECK(tried >= 9);
  CHECK(tried <= 16);
  CHECK(told == 1);
  pool.policy.forget_failures();
  CHECK(pool.look().size() == 4);
}

TEST_CASE("when all of a kind end at once that is one failure, and after a good while not even that") {
  Pool pool({4, 4, "host"});
  auto ids = pool.look();
  for (const auto id : ids) CHECK(pool.policy.ended(id, pool.now) == (id == ids.front()));
  pool.now += WarmPolicy::first_pause;
  ids = pool.look();
  CHECK(ids.size() == 4);
  pool.now += 1min;
  CHECK(pool.policy.ended(ids.front(), pool.now));  // they had been well: it is told again
}

TEST_CASE("a sandbox that never gets ready is given up, and counts as failed") {
  Pool pool({1, 1, "host"});
  const auto ids = pool.look(false);
  pool.now += WarmPolicy::max_preparing;
  CHECK(pool.look(false).empty());
  CHECK(pool.dropped == ids);
  pool.now += WarmPolicy::first_pause;
  CHECK(pool.look(false).size() == 1);
}

TEST_CASE("interpreters that wait have a stock of their own, with its own counts, demand and failures") {
  const WarmKind python{plain, "host", "python"};
  Pool pool({2, 8, "host", {{"python", {1, 3}}}});
  const auto of = [&](const std::string& prestart) {
    for (const auto& standing : pool.policy.standing(pool.now))
      if (standing.prestart == prestart) return standing;
    return WarmPolicy::Standing{};
  };
  pool.look();
  CHECK(of("").ready == 2);
  CHECK(of("python").ready == 1);
  CHECK(of("python").max == 3);
  CHECK(pool.burst(6, 1ms, python) == 5);
  pool.look();
  CHECK(of("python").ready == 3);
  CHECK(of("").ready == 2);
  const auto taken = pool.policy.take(python, "a", pool.now);
  REQUIRE(taken);
  CHECK(pool.kinds[taken->id] == python);
  const WarmKind node{plain, "host", "node"}, elsewhere{plain, "debian", "python"};
  CHECK(pool.policy.take(node, "b", pool.now).error() == WarmPolicy::Cold::unruled);
  // Only the image that the rule names has interpreters.
  CHECK(pool.policy.take(elsewhere, "c", pool.now).error() == WarmPolicy::Cold::unruled);
  CHECK(pool.policy.take(on_debian, "d", pool.now).error() == WarmPolicy::Cold::missed);
}

TEST_CASE("interpreters that take no job are not started again and again, and that is told once") {
  const WarmKind python{plain, "host", "python"};
  Pool pool({0, 8, "host", {{"python", {1, 1}}}});
  int taken = 0, told = 0;
  const auto run = [&](bool accepts) {
    pool.look();
    if (!pool.policy.take(python, "a", pool.now)) return;
    pool.policy.answered("a");
    ++taken;
    if (accepts) return pool.policy.took(python);
    told += pool.policy.refused(python, pool.now) ? 1 : 0;
  };
  for (int i = 0; i < 10; ++i) {  // two in a row are no failure
    run(false);
    run(false);
    run(true);
  }
  CHECK(taken == 30);
  CHECK(told == 0);
  for (const auto end = pool.now + 5min; pool.now < end; pool.now += 100ms) run(false);
  CHECK(taken >= 30 + 9);
  CHECK(taken <= 30 + 18);
  CHECK(told == 1);
  pool.now += WarmPolicy::last_pause;
  run(true);
  taken = 0;
  for (int i = 0; i < 3; ++i) run(false);
  CHECK(taken == 3);
  CHECK(told == 2);
  run(false);
  CHECK(taken == 3);
}

TEST_CASE("an interpreter that is not ready is not waited for") {
  const WarmKind python{plain, "host", "python"};
  Pool pool({0, 8, "host", {{"python", {1, 1}}}});
  const auto wanted = pool.policy.next(pool.now);
  REQUIRE(wanted);
  CHECK(wanted->kind == python);
  pool.policy.opened(wanted->id);
  CHECK_FALSE(pool.policy.take(python, "a", pool.now));
  pool.policy.prepared(wanted->id, pool.now);
  CHECK(pool.policy.take(python, "b", pool.now));
}

TEST_CASE("an interpreter that cannot be started keeps no other sandbox from being begun") {
  Pool pool({2, 8, "host", {{"python", {2, 2}}}});
  int tried = 0, told = 0;
  for (const auto end = pool.now + 1min; pool.now < end; pool.now += 100ms) {
    for (const auto id : pool.look(false)) {
      const bool python = !pool.kinds[id].prestart.empty();
      tried += python ? 1 : 0;
      if (!python) pool.policy.prepared(id, pool.now);
      if (python) told += pool.policy.ended(id, pool.now) ? 1 : 0;
    }
  }
  CHECK(pool.of().ready == 2);
  CHECK(tried <= 7);
  CHECK(told == 1);
}
