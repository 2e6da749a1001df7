// One competitor's part of a resource over time, as start-time fair queueing keeps it (Goyal, Vin and Cheng, SIGCOMM
// 1996; Linux's CFS does the same for CPUs): a tag that grows with what was used, by weight. The lowest tag is next.
// What is used is sandbox-time, known only as it passes: a job costs its launch at once and its time while it runs, and
// each running one counts for `ahead` more, so that who starts many at the same instant does not get them all. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "supervisor/admission/claim.hpp"

namespace cordon {

struct Share {
  static constexpr double launch = 0.005;             // seconds of a sandbox that any job costs
  static constexpr double ahead = 1.0;                // seconds that a running job is expected to go on
  static constexpr double job_cost = launch + ahead;  // what positions in the queue are foretold with
  static constexpr double most_behind = 30.0;         // seconds that nobody is owed beyond: catching up starves others

  double weight = 1;
  double tag = 0;  // seconds of one sandbox, by weight
  std::size_t queued = 0, running = 0;
  std::uint64_t turn = 0;  // of its last start, or of its first coming: the earlier one wins a tie
  SteadyTime touched{};

  bool is_idle() const { return queued == 0 && running == 0; }
  double next_tag() const { return tag + static_cast<double>(running) * ahead / weight; }
  void pass(SteadyTime now) {
    if (now <= touched) return;
    const std::chrono::duration<double> time = now - touched;
    tag += time.count() * static_cast<double>(running) / weight;
    touched = now;
  }
  void start(std::uint64_t turn_now) {
    --queued;
    ++running;
    tag += launch / weight;
    turn = turn_now;
  }
};

// Of two that wait, who is served first.
inline bool is_before(const Share& one, const Share& other) {
  constexpr double same = 1e-9;
  const auto difference = one.next_tag() - other.next_tag();
  return difference < -same || (difference <= same && one.turn < other.turn);
}

// If every job costs job_cost and nobody else comes: how many of `other`'s are served before the rank-th of `mine`.
std::size_t served_before(const Share& mine, std::size_t rank, const Share& other);

}  // namespace cordon
