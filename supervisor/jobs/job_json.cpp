#include "supervisor/jobs/job_json.hpp"

#include "profiles/limits_json.hpp"
#include "supervisor/text/json_octets.hpp"
#include "supervisor/tools/call_outcome.hpp"

namespace cordon {
namespace {

// An object that is not moved while it grows: to move a member is to copy it, and what is in it (its name is const).
Json object_of(std::size_t members) {
  auto out = Json::object();
  out.get_ref<Json::object_t&>().reserve(members);
  return out;
}

void put_counts(Json& out, const std::string& name, const OutputBuffer& buffer) {
  out[name + "_encoding"] = buffer.is_text() ? "utf8" : "base64";
  out[name + "_bytes"] = buffer.written();
  out[name + "_truncated"] = buffer.truncated();
}

double milliseconds(std::uint64_t us) {
  return static_cast<double>(us) / 1000.0;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(rfc3339(*time)) : Json();
}

Json usage_json(const std::optional<Finished>& report) {
  if (!report) return {};
  const auto& usage = report->usage;
  return {{"wall_ms", milliseconds(usage.wall_us)},
          {"cpu_ms", milliseconds(usage.cpu_us)},
          {"memory_peak_bytes", or_null(usage.memory_peak_bytes)},
          {"pids_peak", or_null(usage.pids_peak)},
          {"scratch_files", or_null(usage.scratch_files)},
          {"scratch_bytes", or_null(usage.scratch_bytes)}};
}

Json denials_json(const std::optional<Finished>& report) {
  Json out = Json::array();
  if (!report) return out;
  for (const auto& d : report->denials) {
    out.push_back({{"control", d.control}, {"count", or_null(d.count)}, {"detail", d.detail}});
  }
  return out;
}

Json enforced_json(const std::optional<Enforced>& enforced) {
  if (!enforced) return Json::object();
  auto out = object_of(enforced->facts.size() + 1);
  for (const auto& [control, fact] : enforced->facts) out[control] = fact;
  out["seccomp.sha256"] = hex(enforced->filter);
  return out;
}

Json artifacts_json(const std::vector<Artifact>& artifacts) {
  Json out = Json::array();
  for (const auto& artifact : artifacts) {
    Json item;
    put_octets(item, "path", artifact.path);
    item["size"] = artifact.size;
    item["sha256"] = hex(artifact.sha256);
    out.push_back(std::move(item));
  }
  return out;
}

Json skipped_json(const std::vector<artifacts::Skipped>& skipped) {
  Json out = Json::array();
  for (const auto& file : skipped) {
    Json item;
    put_octets(item, "path", file.path);
    item["reason"] = file.reason;
    out.push_back(std::move(item));
  }
  return out;
}

// In the order in which they passed; but for those that a warm sandbox had behind it, which come before its "idle".
Json timings_json(const Job& job) {
  Json out = Json::object();
  const auto add = [&](const char* phase, const OwnPhases::Time& time) {
    if (time)
      out[phase] =
          milliseconds(static_cast<std::uint64_t>(std::chrono::floor<std::chrono::microseconds>(*time).count()));
  };
  const auto& own = job.own_phases;
  add("admission", own.admission);
  add("queue", own.queue);
  add("order", own.order);
  if (job.report) {
    for (const auto& [phase, us] : job.report->timings_us) out[phase] = milliseconds(us);
  }
  add("drain", own.drain);
  return out;
}

Json before_stdout(const Job& job, std::optional<std::size_t> queue_position) {
  auto out = object_of(10);
  out["id"] = job.id;
  out["state"] = to_string(job.state);
  if (queue_position) out["queue_position"] = *queue_position;
  out["actor"] = job.account.actor;
  out["tenant"] = job.account.tenant;
  out["tool"] = job.order.call ? Json(tool_name(job.order)) : Json();
  if (job.order.call) out["call"] = call_json(job);
  out["labels"] = Json(job.order.labels);
  out["grant"] = job.mandate.grant.empty() ? Json() : Json(job.mandate.grant);
  out["approval"] = job.mandate.approval ? told(*job.mandate.approval) : Json();
  out["outcome"] = job.outcome && job.state == JobState::finished ? to_json(*job.outcome) : Json();
  return out;
}

Json after_stderr(const Job& job) {
  auto out = object_of(24);
  put_counts(out, "stderr", job.output[1]);
  out["usage"] = usage_json(job.report);
  out["limits"] = to_json(job.order.limits);
  out["denials"] = denials_json(job.report);
  out["network"] = job.network ? job.network->json() : Json::array();
  out["enforced"] = enforced_json(job.enforced);
  out["artifacts"] = artifacts_json(job.collection.artifacts);
  out["skipped"] = skipped_json(job.collection.skipped);
  if (job.order.timings) {
    out["timings"] = timings_json(job);
    out["warm"] = job.warm;
    out["prestart"] = job.prestart.empty() ? Json() : Json(job.prestart);
  }
  out["provenance"] = to_json(job.written());
  out["profile"] = job.order.profile;
  out["profile_sha256"] = hex(job.order.profile_sha256);
  out["image"] = job.order.image;
  out["evidence"] = job.evidence ? "on" : "off";
  out["submitted_at"] = rfc3339(job.submitted_at);
  out["started_at"] = time_or_null(job.started_at);
  out["finished_at"] = job.state == JobState::finished ? time_or_null(job.finished_at) : Json();
  return out;
}

}  // namespace

JobMembers job_members(const Job& job, std::optional<std::size_t> queue_position) {
  if (job.told) return *job.told;
  JobMembers members{before_stdout(job, queue_position), Json::object(), after_stderr(job)};
  put_counts(members.between, "stdout", job.output[0]);
  return members;
}

MemberTexts text_of(const JobMembers& members) {
  const auto text = [](const Json& part) { return part.dump(-1, ' ', false, Json::error_handler_t::replace); };
  return {text(members.before), text(members.between), text(members.after)};
}

Json listed_job(const Job& job, std::optional<std::size_t> queue_position) {
  auto members = job_members(job, queue_position);
  auto out = std::move(members.before);
  out.update(members.between);
  out.update(members.after);
  out["outcome_on_record"] = job.is_on_record();
  return out;
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cordon
