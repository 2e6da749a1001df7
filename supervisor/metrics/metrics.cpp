#include "supervisor/metrics/metrics.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr std::size_t max_words = 64;
constexpr std::string_view run_phase = "run", idle_phase = "idle";

// Clients may send any word for a method.
std::string_view known_method(std::string_view method) {
  constexpr std::array<std::string_view, 5> known{"GET", "HEAD", "POST", "PUT", "DELETE"};
  const auto* const at = std::find(known.begin(), known.end(), method);
  return at == known.end() ? "other" : *at;
}

template <typename Map, typename Make>
auto& at_or_new(Map& map, std::string_view word, Make make) {
  const auto at = map.find(word);
  return at != map.end() ? at->second : map.emplace(std::string(word), make()).first->second;
}

void observe(Histogram& histogram, const JobPhases::Seconds& time) {
  if (time) histogram.observe(*time);
}

}  // namespace

JobPhases phases_of(const std::vector<std::pair<std::string, std::uint64_t>>& timings_us, bool warm) {
  JobPhases phases;
  const auto add = [](JobPhases::Seconds& to, std::uint64_t us) {
    to = to.value_or(std::chrono::duration<double>(0)) + std::chrono::microseconds(us);
  };
  for (const auto& [phase, us] : timings_us) {
    if (phase == idle_phase) {
      if (warm) phases.launch.reset();
    } else if (phase == run_phase) {
      add(phases.run, us);
    } else {
      add(phases.run ? phases.teardown : phases.launch, us);
    }
  }
  return phases;
}

void WordCounts::add(std::string_view word, std::uint64_t n) {
  if (const auto at = counts_.find(word); at != counts_.end()) {
    at->second += n;
  } else {
    counts_[std::string(counts_.size() < max_words ? word : "other")] += n;
  }
}

void Metrics::job_ended(std::string_view profile, std::string_view outcome, const JobPhases& phases) {
  auto& by_outcome = at_or_new(jobs_, profile, [] { return ByOutcome{}; });
  auto& series = at_or_new(by_outcome, outcome, [] { return JobSeries{}; });
  ++series.count;
  observe(series.queue, phases.queue);
  observe(series.launch, phases.launch);
  observe(series.run, phases.run);
  observe(series.teardown, phases.teardown);
}

void Metrics::warm_hit(std::string_view profile, std::string_view prestart, std::chrono::duration<double> age) {
  auto& series = warm_[{std::string(profile), std::string(prestart)}];
  ++series.hits;
  series.age.observe(age);
}

void Metrics::warm_missed(std::string_view profile, std::string_view prestart) {
  ++warm_[{std::string(profile), std::string(prestart)}].misses;
}

void Metrics::warm_declined(std::string_view profile, std::string_view prestart) {
  ++warm_[{std::string(profile), std::string(prestart)}].declined;
}

void Metrics::flow_closed(std::string_view how, std::uint64_t bytes_up, std::uint64_t bytes_down) {
  flows_closed_.add(how);
  bytes_up_ += bytes_up;
  bytes_down_ += bytes_down;
}

void Metrics::request_answered(std::string_view method, unsigned status) {
  ++requests_[{known_method(method), status}];
}

}  // namespace cordon
