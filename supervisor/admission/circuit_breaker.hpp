// Stops runaway loops: one actor that submits the same again and again, or whose jobs fail again and again. An open
// circuit refuses for a while, then lets one job through for a trial (M. Nygard, "Release It!"). Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profiles/admission_rules.hpp"
#include "supervisor/admission/claim.hpp"
#include "supervisor/admission/notice.hpp"

namespace cordon {

// What a job's end says about who submitted it.
enum class Verdict {
  succeeded,
  failed,   // with an exit code of its own choice: for some tools an answer like any other
  crashed,  // timed out, a signal, out of memory, too much output, nothing that could be executed
  neither,  // cancelled, killed, lost, or Cordon's own failure
};

enum class TripKind : std::uint8_t { identical, identical_failures, failures };
std::string_view to_string(TripKind kind);  // as in the configuration

class CircuitBreaker {
 public:
  struct Tripped {
    std::string actor, tool, profile;
    TripKind kind = TripKind::failures;
    std::uint32_t count = 0;
    std::chrono::nanoseconds wait{0};  // until a trial is let through; a guess while one is on its way
    bool trial = false;                // one is on its way
  };

  // What refuses this job, with the longest wait; nullopt: nothing.
  std::optional<Tripped> refusing(const Claim& claim, SteadyTime now) const;
  void submitted(const std::string& id, const Claim& claim, const BreakerRules& rules, SteadyTime now);
  void ended(const std::string& id, const Claim& claim, Verdict verdict, const BreakerRules& rules, SteadyTime now);
  void left(const std::string& id, const Claim& claim);  // it never ran

  std::vector<Tripped> open(SteadyTime now) const;
  std::size_t reset(const std::string& actor);       // how many were open
  void forget_rules_off(const BreakerRules& rules);  // their circuits
  std::vector<Notice> take_notices() { return std::exchange(notices_, {}); }

 private:
  struct Key {
    std::string actor, tool, profile;
    TripKind kind;
    std::uint64_t body;                            // 0 for failures
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
  };
  struct Circuit {
    std::uint32_t count = 0;
    SteadyTime since;                      // of the first that was counted
    std::optional<SteadyTime> open_until;  // then half open
    std::string trial;                     // the job that is let through
  };
  static std::vector<Key> keys_of(const Claim& claim);
  static Tripped describe(const Key& key, const Circuit& circuit, SteadyTime now);
  void count(const Key& key, const BreakerRules& rules, SteadyTime now);
  void trip(const Key& key, Circuit& circuit, const BreakerRules& rules, SteadyTime now);
  void close(const Key& key);
  void judge_trial(const Key& key, Verdict verdict, const BreakerRules& rules, SteadyTime now);
  void forget_old(const std::string& actor);
  void notice(const char* event, const Key& key, std::uint32_t count);

  std::map<Key, Circuit> circuits_;
  std::vector<Notice> notices_;
};

}  // namespace cordon
