// Runaway loops, and what is none.
#include <catch2/catch.hpp>

#include "supervisor/admission/circuit_breaker.hpp"
#include "supervisor/admission/host_reserve.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime t0{1000s};

// Submits and ends jobs one after the other, as a loop does.
struct Loop {
  BreakerRules rules;
  CircuitBreaker breaker;
  SteadyTime now = t0;
  int jobs = 0;

  Claim claim(std::uint64_t body, const std::string& actor = "ann") const {
    return {actor, "t", {}, "default", 0, {}, body};
  }
  bool run(std::uint64_t body, Verdict verdict, const std::string& actor = "ann") {
    if (breaker.refusing(claim(body, actor), now)) return false;
    const auto id = std::to_string(++jobs);
    breaker.submitted(id, claim(body, actor), rules, now);
    now += 10ms;
    breaker.ended(id, claim(body, actor), verdict, rules, now);
    return true;
  }
  int runs(int times, std::uint64_t body, Verdict verdict) {
    int count = 0;
    for (int i = 0; i < times; ++i) count += run(body, verdict) ? 1 : 0;
    return count;
  }
};

}  // namespace

TEST_CASE("a job that fails again and again is refused after a while, and only that one") {
  Loop loop;
  CHECK(loop.runs(500, 7, Verdict::failed) == 100);
  const auto refused = loop.breaker.refusing(loop.claim(7), loop.now);
  REQUIRE(refused);
  CHECK(refused->kind == TripKind::identical_failures);
  CHECK(refused->wait == 30s);
  CHECK(!loop.breaker.refusing(loop.claim(7), loop.now + 30s));
  CHECK(loop.run(8, Verdict::failed));
  CHECK(loop.run(7, Verdict::failed, "bob"));
  const auto notices = loop.breaker.take_notices();
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].event == "circuit_opened");
  CHECK(loop.breaker.take_notices().empty());
}

TEST_CASE("honest batches trip nothing under the defaults") {
  Loop loop;
  SECTION("the same job ten thousand times") {
    CHECK(loop.runs(10'000, 7, Verdict::succeeded) == 10'000);
  }
  SECTION("ten thousand different jobs that all say no") {
    for (std::uint64_t body = 1; body <= 10'000; ++body) REQUIRE(loop.run(body, Verdict::failed));
  }
  SECTION("one in three crashes") {
    for (std::uint64_t i = 1; i <= 3000; ++i)
      REQUIRE(loop.run(i % 50, i % 3 == 0 ? Verdict::crashed : Verdict::succeeded));
  }
  SECTION("asking the same once a second until it says yes") {
    for (int i = 0; i < 3000; ++i) {
      REQUIRE(loop.run(7, Verdict::failed));
      loop.now += 990ms;
    }
  }
  SECTION("cancelled, killed, and Cordon's own failures") {
    CHECK(loop.runs(5000, 7, Verdict::neither) == 5000);
  }
}

TEST_CASE("whatever one submits, when nothing but crashes comes of it the circuit opens") {
  Loop loop;
  int ran = 0;
  for (std::uint64_t body = 1; body <= 500; ++body) ran += loop.run(body, Verdict::crashed) ? 1 : 0;
  CHECK(ran == 100);
  CHECK(loop.breaker.refusing(loop.claim(9999), loop.now)->kind == TripKind::failures);
  Loop other = loop;
  auto elsewhere = loop.claim(9999);
  elsewhere.profile = "compile";
  CHECK(!other.breaker.refusing(elsewhere, other.now));
}

TEST_CASE("identical submissions can be limited, whatever becomes of them") {
  Loop loop;
  loop.rules.identical = {5, 10s};
  CHECK(loop.runs(50, 7, Verdict::succeeded) == 5);
  CHECK(loop.run(8, Verdict::succeeded));
  loop.now += 30s;
  CHECK(loop.runs(50, 7, Verdict::succeeded) == 6);  // the trial closes it, and five more are counted
}

TEST_CASE("after a while one job is let through: its success closes the circuit, its failure opens it again") {
  Loop loop;
  loop.rules.identical_failures = {3, 60s};
  loop.runs(3, 7, Verdict::failed);
  loop.now += 30s;
  loop.breaker.submitted("trial", loop.claim(7), loop.rules, loop.now);
  const auto meanwhile = loop.breaker.refusing(loop.claim(7), loop.now);
  REQUIRE(meanwhile);
  CHECK(meanwhile->trial);
  SECTION("success") {
    loop.breaker.ended("trial", loop.claim(7), Verdict::succeeded, loop.rules, loop.now);
    CHECK(loop.runs(9, 7, Verdict::failed) == 3);
  }
  SECTION("failure") {
    loop.breaker.ended("trial", loop.claim(7), Verdict::failed, loop.rules, loop.now);
    CHECK(loop.breaker.refusing(loop.claim(7), loop.now)->wait == 30s);
  }
  SECTION("it left the queue: the next one is the trial") {
    loop.breaker.left("trial", loop.claim(7));
    CHECK(loop.runs(9, 7, Verdict::failed) == 1);
  }
  SECTION("it was cancelled: the next one is the trial") {
    loop.breaker.ended("trial", loop.claim(7), Verdict::neither, loop.rules, loop.now);
    CHECK(loop.runs(9, 7, Verdict::failed) == 1);
  }
  SECTION("the end of another job is no verdict") {
    loop.breaker.ended("older", loop.claim(7), Verdict::succeeded, loop.rules, loop.now);
    CHECK(loop.breaker.refusing(loop.claim(7), loop.now));
  }
}

TEST_CASE("an operator sees what is open, and resets it") {
  Loop loop;
  loop.rules.identical_failures = {2, 60s};
  loop.runs(2, 7, Verdict::failed);
  loop.run(7, Verdict::failed, "bob");
  const auto open = loop.breaker.open(loop.now);
  REQUIRE(open.size() == 1);
  CHECK(open[0].actor == "ann");
  CHECK(open[0].profile == "default");
  CHECK(loop.breaker.reset("bob") == 0);
  CHECK(loop.breaker.reset("ann") == 1);
  CHECK(loop.runs(9, 7, Verdict::failed) == 2);
}

TEST_CASE("what is remembered of one actor is bounded, and another's is not lost for it") {
  Loop loop;
  for (int i = 0; i < 99; ++i) loop.run(7, Verdict::failed, "bob");
  for (std::uint64_t body = 1; body < 2000; ++body) loop.run(body, Verdict::failed);
  CHECK(loop.run(7, Verdict::failed, "bob"));
  CHECK(!loop.run(7, Verdict::failed, "bob"));
}

TEST_CASE("admission slows below twice the reserve and holds below it") {
  const HostReserve reserve{100, 10};
  std::string what;
  CHECK(pressure_of({200, 20}, reserve, what) == Pressure::none);
  CHECK(pressure_of({199, 20}, reserve, what) == Pressure::some);
  CHECK(pressure_of({100, 20}, reserve, what) == Pressure::some);
  CHECK(pressure_of({99, 20}, reserve, what) == Pressure::much);
  CHECK(what == "memory");
  CHECK(pressure_of({199, 9}, reserve, what) == Pressure::much);
  CHECK(what == "pids");
  CHECK(pressure_of({}, reserve, what) == Pressure::none);                // the kernel does not say
  CHECK(pressure_of({0, 0}, HostReserve{0, 0}, what) == Pressure::none);  // not watched
}
