// What is counted for monitoring. Each step costs a look-up and an addition; how it reads is made when it is asked for.
// Labels are bounded: profiles are configured, the other values are Cordon's own words. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/metrics/histogram.hpp"

namespace cordon {

// The phases of one job; nullopt: it did not come to that, or nobody knows (a lost job).
struct JobPhases {
  using Seconds = std::optional<std::chrono::duration<double>>;
  Seconds queue, launch, run, teardown;
};
// Launch, run and teardown out of the launcher's phases (Finished::timings_us): what comes before "run", it, and what
// comes after it. What a warm sandbox had behind it before its job came is no part of the launch: it is what comes
// before "idle".
JobPhases phases_of(const std::vector<std::pair<std::string, std::uint64_t>>& timings_us, bool warm);

// Counts by one word. Whatever comes when there are too many words already counts as "other".
class WordCounts {
 public:
  using Counts = std::map<std::string, std::uint64_t, std::less<>>;
  void add(std::string_view word, std::uint64_t n = 1);
  const Counts& counts() const { return counts_; }

 private:
  Counts counts_;
};

class Metrics {
 public:
  void job_ended(std::string_view profile, std::string_view outcome, const JobPhases& phases);
  // A job of a profile that has warm sandboxes took one that had stood ready for so long, or none did; `prestart`: with
  // that interpreter in it, or "". One that takes another kind then is counted there as well.
  void warm_hit(std::string_view profile, std::string_view prestart, std::chrono::duration<double> age);
  void warm_missed(std::string_view profile, std::string_view prestart);
  void warm_declined(std::string_view profile, std::string_view prestart);  // by the interpreter
  void denied(std::string_view control, std::uint64_t count) { denials_.add(control, count); }
  void request_answered(std::string_view method, unsigned status);
  void request_refused(std::string_view code) { refusals_.add(code); }

  // Of jobs with egress. The words are reasons (profiles/flow_record.hpp).
  void flow_closed(std::string_view how, std::uint64_t bytes_up, std::uint64_t bytes_down);
  void flow_denied(std::string_view reason, std::uint64_t count) { flows_denied_.add(reason, count); }
  void query_denied(std::uint64_t count) { queries_denied_ += count; }

  // What is so at the moment of asking.
  struct Warm {
    std::size_t ready = 0, preparing = 0;
  };
  using WarmKey = std::pair<std::string, std::string>;  // profile, prestart
  struct Now {
    std::map<WarmKey, Warm> warm;  // sandboxes
    std::size_t jobs_running = 0, jobs_queued = 0, connections = 0;
    std::map<std::string_view, std::uint64_t> events;  // told to operators, by kind, in all
    std::uint64_t lost_log_lines = 0, connections_evicted = 0;
    struct Process {
      double cpu_seconds = 0, start_time_seconds = 0;  // the latter since 1970
      std::uint64_t resident_bytes = 0, virtual_bytes = 0, open_fds = 0, max_fds = 0;
    } process;
    std::string_view version;
  };
  std::string text(const Now& now) const;

 private:
  struct JobSeries {
    std::uint64_t count = 0;
    Histogram queue, launch, run, teardown;
  };
  struct WarmSeries {
    std::uint64_t hits = 0, misses = 0, declined = 0;
    Histogram age;  // of those that were taken
  };
  using ByOutcome = std::map<std::string, JobSeries, std::less<>>;
  std::map<std::string, ByOutcome, std::less<>> jobs_;  // by profile
  std::map<WarmKey, WarmSeries> warm_;
  std::map<std::pair<std::string_view, unsigned>, std::uint64_t> requests_;  // the views are constants
  WordCounts denials_, refusals_;
  WordCounts flows_closed_, flows_denied_;
  std::uint64_t bytes_up_ = 0, bytes_down_ = 0, queries_denied_ = 0;

  friend class MetricsText;
};

}  // namespace cordon
