// Promise (threats.md, leaks): a hundred thousand jobs in a row leave nothing, and no daemon grows with them. Long.
// CORDON_TEST_JOBS=N makes it shorter.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "tests/promises/instance.hpp"
#include "tests/promises/numbered_jobs.hpp"

using namespace cordon::test;

namespace {

int jobs_asked_for() {
  const char* asked = std::getenv("CORDON_TEST_JOBS");
  return asked ? std::stoi(asked) : 100000;
}

// KiB that are this process's alone, or -1: what a leak is made of (proc_pid_status(5)).
long anonymous_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    long kib = -1;
    if (word == "RssAnon:" && status >> kib) return kib;
  }
  return -1;
}

struct Grown {
  long launcher = 0, daemon = 0, ledger = 0;
};
Grown memory_of(Instance& cordon) {
  return {anonymous_kib(cordon.launcher().pid()), anonymous_kib(cordon.daemon().pid()),
          anonymous_kib(cordon.ledger().pid())};
}

// Two clients, each of whom waits for a job before it asks for the next.
int wrong_of(const Instance& cordon, int first, int end) {
  std::atomic<int> next = first, wrong = 0;
  const auto one_client = [&] {
    for (int number = next++; number < end && wrong < 4; number = next++) {
      try {
        const auto answer = cordon.post(numbered(number));
        if (answer.status == 200 && reported_right(answer.json(), number)) continue;
        std::cerr << "job " << number << ": " << answer.body.substr(0, 500) << '\n';
      } catch (const std::exception& error) {
        std::cerr << "job " << number << ": " << error.what() << '\n';
      }
      ++wrong;
    }
  };
  std::thread other(one_client);
  one_client();
  other.join();
  return wrong;
}

}  // namespace

TEST_CASE("a hundred thousand jobs in a row are reported right and leave nothing", "[threat:leaks]") {
  // A journal that keeps each of them is not a leak, and another test's subject.
  Instance cordon(Json{{"retain", {{"jobs", 100}}}});
  const int jobs = jobs_asked_for(), settled = std::max(jobs / 10, 500);
  REQUIRE(wrong_of(cordon, 0, settled) == 0);  // by then all that is kept in memory has its size
  const auto before = cordon.counts_at_rest();
  const auto memory_before = memory_of(cordon);

  REQUIRE(wrong_of(cordon, settled, jobs) == 0);
  CHECK(cordon.counts_settled_at(before) == before);

  const auto memory_after = memory_of(cordon);
  REQUIRE(memory_before.daemon > 0);
  REQUIRE(memory_before.launcher > 0);
  REQUIRE(memory_before.ledger > 0);
  const long slack = 2048;  // the allocator's arenas; a leak of 24 bytes a job is more
  CHECK(memory_after.launcher - memory_before.launcher < slack);
  CHECK(memory_after.daemon - memory_before.daemon < slack);
  CHECK(memory_after.ledger - memory_before.ledger < slack);
}
