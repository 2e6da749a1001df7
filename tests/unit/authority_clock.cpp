// Promise (issue "Governed tools", "Must show": replays "after a clock step"): what was too late once, an approval or a
// grant, stays too late: over steps of the wall clock, restarts, crashes and reboots, whatever the clocks say then.
#include <catch2/catch.hpp>
#include <random>

#include "supervisor/asio.hpp"
#include "supervisor/authority/approval.hpp"
#include "supervisor/authority/grant_book.hpp"
#include "supervisor/journal/journal.hpp"
#include "tests/unit/journal_file.hpp"

using namespace cordon;
using cordon::test::JournalFile;

namespace {

constexpr std::int64_t day = 86'400, year = 365 * day;

// A machine whose clocks a test moves.
struct Machine {
  int boots = 1;
  std::int64_t boottime_s = 100, wall_s = 50 * year;

  ClockReading read() const { return {"boot-" + std::to_string(boots), boottime_s, wall_s}; }
  void passes(std::int64_t seconds) {
    boottime_s += seconds;
    wall_s += seconds;
  }
  void step(std::int64_t by) { wall_s += by; }
  void reboot(std::int64_t clock_off_by) {
    ++boots;
    boottime_s = 5;
    wall_s += clock_off_by;
  }
};

Approval granted(std::int64_t expires_age_s) {
  Approval approval;
  approval.expires_age_s = expires_age_s;
  approval.submitter = "agent";
  approval.submitter_uid = 1000;
  approval.needs.push_back({"rule", "because", {{}, 1, 60}});
  approval.votes.push_back({{"alice", 1, {}, false}, {}});
  approval.state = ApprovalState::granted;
  return approval;
}

Approval waiting(std::int64_t expires_age_s) {
  auto approval = granted(expires_age_s);
  approval.votes.clear();
  approval.state = ApprovalState::waiting;
  return approval;
}

GrantBook book_with_one(std::int64_t expires_age_s) {
  Grant grant;
  grant.name = "g";
  grant.terms.expires_age_s = expires_age_s;
  GrantBook book;
  book.add(grant);
  return book;
}

bool is_good(std::int64_t expires_age_s, std::int64_t age_s) {
  const auto held = waiting(expires_age_s);
  const bool can_be_approved = !objection(held, {"bob", 2, {}, false}, held.binding(), age_s);
  const bool can_start = !flaw(granted(expires_age_s), {}, {}, {}, age_s);
  const bool can_be_used = !book_with_one(expires_age_s).ended("g", age_s);
  REQUIRE(can_be_approved == can_start);
  REQUIRE(can_be_approved == can_be_used);
  return can_start;
}

}  // namespace

TEST_CASE(
    "of 10,000 replays of what was too late once none is good again, after steps of the clock, crashes and reboots",
    "[governed:replay]") {
  std::mt19937_64 random(7);
  const auto some = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  int replays = 0, good_again = 0;
  while (replays < 10'000) {
    Machine machine;
    std::optional<ClockRow> saved;  // as the disk has it when nothing is saved at the end
    auto clock = std::make_unique<JournalClock>(saved, machine.read());
    const auto told = [&] {
      const auto now = machine.read();
      if (clock->must_be_saved(now)) saved = clock->row_to_save(now);
      return clock->age(now);
    };
    const auto expires = told() + some(1, 200);
    while (is_good(expires, told())) {
      machine.passes(some(1, 20));
      machine.step(some(-year, year));
    }
    for (int i = 0; i < 10; ++i, ++replays) {
      machine.step(some(-year, year));
      if (some(0, 1) == 0) machine.reboot(some(-2 * year, 0));
      if (some(0, 1) == 0 || machine.boottime_s == 5) clock = std::make_unique<JournalClock>(saved, machine.read());
      if (is_good(expires, told())) ++good_again;
      machine.passes(some(1, 2));
    }
  }
  CHECK(good_again == 0);
}

TEST_CASE("a journal never tells an earlier age than it told, over a crash and a reboot with the clock set back",
          "[governed:replay]") {
  const JournalFile file;
  asio::io_context io(1);
  Machine machine;
  const auto read = [&] { return machine.read(); };
  std::int64_t told = 0;
  {
    Journal journal(io.get_executor(), file.path, read);
    for (int i = 0; i < 20; ++i) {
      machine.passes(29);
      if (i % 3 == 0) machine.step(-day);
      const auto age = journal.age_s();
      CHECK(age == told + 29);
      told = age;
    }
  }
  machine.reboot(-year);
  {
    Journal journal(io.get_executor(), file.path, read);
    CHECK(journal.age_s() >= told);
    CHECK(journal.age_s() <= told + JournalClock::least_over_reboot_s);
    CHECK_FALSE(journal.same_boot());
    told = journal.age_s();
  }
  machine.passes(10);
  machine.step(-year);
  Journal journal(io.get_executor(), file.path, read);  // another process, the same boot
  CHECK(journal.same_boot());
  CHECK(journal.age_s() == told + 10);
}

TEST_CASE("time that has really passed counts over a reboot, and a machine that was off keeps nothing alive") {
  const JournalFile file;
  asio::io_context io(1);
  Machine machine;
  const auto read = [&] { return machine.read(); };
  std::int64_t told = 0;
  {
    Journal journal(io.get_executor(), file.path, read);
    machine.passes(100);
    told = journal.age_s();
  }
  machine.reboot(day);
  Journal journal(io.get_executor(), file.path, read);
  CHECK(journal.age_s() == told + day);
}
