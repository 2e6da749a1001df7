// What operators are told, by events, metrics and log: everything that they should know goes through here.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "supervisor/events/operator_events.hpp"
#include "supervisor/events/trip_rules.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/metrics/metrics.hpp"

namespace cordon {

class Evidence;

class Operations {
 public:
  // Engages the kill switch of whom a rule has caught, and tells of it (EventKind::trip).
  using OnTrip = std::function<void(const Trip& trip, const std::string& why)>;

  void configure(const OperationsConfig& config) { rules_.configure(config); }
  // What of it goes on the record as well: kills, releases, trips, reloads, breakers.
  void keep(Evidence& evidence) { evidence_ = &evidence; }
  void connect(OnTrip on_trip) { on_trip_ = std::move(on_trip); }

  // In the log in any case; to readers of events unless there are too many of its kind.
  void tell(EventKind kind, Subject subject, std::string detail, std::optional<Severity> severity = std::nullopt);

  // The end of a job: its line in the log, its figures, and what operators must know of it.
  void job_ended(const Job& job);

  OperatorEvents events;
  Metrics metrics;

 private:
  void count_denials(const Job& job);
  void tell_effects(const Job& job);
  void count(const Job& job, const std::string& control, std::uint64_t times);

  TripRules rules_;
  OnTrip on_trip_;
  Evidence* evidence_ = nullptr;
};

}  // namespace cordon
