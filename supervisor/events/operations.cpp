#include "supervisor/events/operations.hpp"

#include <fmt/format.h>

#include "supervisor/evidence/evidence.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

std::string milliseconds(std::uint64_t us) {
  return fmt::format("{:.3f}", static_cast<double>(us) / 1000.0);
}

void log_end(const Job& job, const Json& outcome) {
  const auto usage = job.report ? job.report->usage : Usage{};
  log("job_end", {{"job", job.id},
                  {"actor", job.account.actor},
                  {"tenant", job.account.tenant},
                  {"tool", tool_name(job.order)},
                  {"profile", job.order.profile},
                  {"image", job.order.image},
                  {"outcome", std::string(kind(*job.outcome))},
                  {"detail", outcome.dump(-1, ' ', true, Json::error_handler_t::replace)},
                  {"wall_ms", milliseconds(usage.wall_us)},
                  {"cpu_ms", milliseconds(usage.cpu_us)},
                  {"stdout_bytes", std::to_string(job.output[0].written())},
                  {"stderr_bytes", std::to_string(job.output[1].written())},
                  {"artifacts", std::to_string(job.collection.artifacts.size())}});
}

Priority priority_of(Severity severity) {
  switch (severity) {
    case Severity::info:
      return Priority::info;
    case Severity::warning:
      return Priority::warning;
    case Severity::critical:
      break;
  }
  return Priority::critical;
}

Subject subject_of(const Job& job) {
  return {job.account.actor, job.account.tenant, tool_name(job.order), job.order.profile, job.id};
}

JobPhases all_phases_of(const Job& job) {
  auto phases = job.report ? cordon::phases_of(job.report->timings_us, job.warm) : JobPhases{};
  if (job.own_phases.queue) phases.queue = *job.own_phases.queue;
  return phases;
}

std::optional<EvidenceKind> evidence_kind(EventKind kind) {
  switch (kind) {
    case EventKind::kill:
      return EvidenceKind::kill;
    case EventKind::release:
      return EvidenceKind::release;
    case EventKind::trip:
      return EvidenceKind::trip;
    case EventKind::reload:
      return EvidenceKind::reload;
    case EventKind::breaker_open:
    case EventKind::breaker_closed:
      return EvidenceKind::breaker;
    case EventKind::approval_wanted:
    case EventKind::approval_given:
      return EvidenceKind::approval;
    case EventKind::grant_changed:
      return EvidenceKind::grant;
    case EventKind::context_cleared:
      return EvidenceKind::context;
    case EventKind::incident:
      return EvidenceKind::incident;
    case EventKind::tool:
    case EventKind::ambiguous:
      return EvidenceKind::tool;
    default:
      return std::nullopt;
  }
}

EvidenceRecord evidence_of(EvidenceKind kind, const Subject& subject, const std::string& detail) {
  EvidenceRecord record{kind, {}};
  record.put_text("actor", subject.actor).put_text("tenant", subject.tenant).put_text("tool", subject.tool);
  return record.put_text("profile", subject.profile).put_text("job", subject.job).put("detail", detail);
}

std::string many_denials(const DenialThreshold& at, const std::string& control) {
  return fmt::format("{} or more refusals of \"{}\" within {} s", at.count, control, at.window_seconds);
}

}  // namespace

void Operations::tell(EventKind kind, Subject subject, std::string detail, std::optional<Severity> severity) {
  const auto how = severity.value_or(usual_severity(kind));
  if (const auto kept = evidence_kind(kind); kept && evidence_ != nullptr)
    evidence_->note(evidence_of(*kept, subject, detail));
  log("operator_event",
      {{"kind", std::string(to_string(kind))},
       {"actor", subject.actor},
       {"tenant", subject.tenant},
       {"tool", subject.tool},
       {"profile", subject.profile},
       {"job", subject.job},
       {"detail", detail}},
      priority_of(how));
  events.add({0, std::chrono::system_clock::now(), kind, how, std::move(subject), std::move(detail)});
}

void Operations::job_ended(const Job& job) {
  const auto outcome = to_json(*job.outcome);
  log_end(job, outcome);
  metrics.job_ended(job.order.profile, kind(*job.outcome), all_phases_of(job));
  if (const auto* lost = std::get_if<Lost>(&*job.outcome)) tell(EventKind::lost, subject_of(job), lost->reason);
  if (const auto* failed = std::get_if<SetupFailed>(&*job.outcome)) {
    tell(EventKind::setup_failed, subject_of(job),
         fmt::format("{} {}: {}{}{}", failed->step, failed->object, errno_name(failed->error),
                     failed->remedy.empty() ? "" : ". ", failed->remedy));
  }
  if (const auto* lost = std::get_if<Lost>(&*job.outcome); lost != nullptr && lost->ambiguous)
    tell(EventKind::ambiguous, subject_of(job),
         "whether it has happened is not known; an operator settles it: " + lost->reason);
  count_denials(job);
  tell_effects(job);
}

// They count as refusals of a control of their own, so that a trip rule can name it.
void Operations::tell_effects(const Job& job) {
  if (!job.result || job.result->unexpected.empty()) return;
  tell(EventKind::side_effects, subject_of(job), fmt::format("{}", fmt::join(job.result->unexpected, "; ")));
  count(job, "side_effects", job.result->unexpected.size());
}

void Operations::count_denials(const Job& job) {
  if (!job.report) return;
  for (const auto& denial : job.report->denials) {
    metrics.denied(denial.control, denial.count.value_or(1));
    count(job, denial.control, denial.count.value_or(1));
  }
}

void Operations::count(const Job& job, const std::string& control, std::uint64_t times) {
  const auto reached = rules_.add(job.account.actor, tool_name(job.order), control, times, Clock::now());
  if (reached.burst) {
    tell(EventKind::denial_burst, subject_of(job),
         many_denials(rules_.burst_threshold(), control) + " in this actor's jobs");
  }
  for (const auto& trip : reached.trips) {
    if (on_trip_) on_trip_(trip, many_denials(trip.at, trip.control));
  }
}

}  // namespace cordon
