#include "supervisor/jobs/job_report.hpp"

#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/json_octets.hpp"
#include "supervisor/tools/call_outcome.hpp"

namespace cordon {
namespace {

std::string joined(const MemberTexts& texts) {
  return R"({"before":)" + texts.before + R"(,"between":)" + texts.between + R"(,"after":)" + texts.after + "}";
}

JobMembers members_of(const std::string& report) {
  auto all = Json::parse(report);
  return {std::move(all.at("before")), std::move(all.at("between")), std::move(all.at("after"))};
}

Collection collection_of(const Json& after, const OpenKept& open) {
  Collection collection;
  for (const auto& item : after.at("artifacts")) {
    Artifact artifact{octets_of(item, "path"), item.at("size"),
                      parse_hex(item.at("sha256").get<std::string>()).value_or(Sha256{}), nullptr};
    artifact.file = open(artifact.sha256, artifact.size);
    collection.artifacts.push_back(std::move(artifact));
  }
  return collection;
}

EventLog log_of(const std::string& text) {
  std::vector<EventLog::Event> events;
  for (const auto& item : Json::parse(text)) {
    EventLog::Event event{item.at(0), {}, {}};
    if (item.size() == 2) {
      event.state = item.at(1);
    } else {
      event.output = {item.at(1) == 0 ? Stream::out : Stream::err, item.at(2), item.at(3)};
    }
    events.push_back(std::move(event));
  }
  return EventLog(std::move(events));
}

bool is_text(const Json& members, const char* encoding) {
  return members.at(encoding) == "utf8";
}

}  // namespace

std::string report_text(const Job& job) {
  return joined(text_of(job_members(job, std::nullopt)));
}

MemberTexts ended_texts(const Job& job) {
  auto members = job_members(job, std::nullopt);
  members.before["state"] = to_string(JobState::finished);
  members.before["outcome"] = to_json(*job.outcome);
  members.after["finished_at"] = rfc3339(*job.finished_at);
  return text_of(members);
}

std::string events_text(const EventLog& log) {
  Json events = Json::array();
  for (const auto& event : log.events()) {
    if (event.state.empty()) {
      events.push_back({event.offset, event.output.stream, event.output.from, event.output.size});
    } else {
      events.push_back({event.offset, event.state});
    }
  }
  return events.dump();
}

EndedRow ended_row(const Job& job, std::int64_t age_s) {
  EndedRow row{job.id,
               std::holds_alternative<Lost>(*job.outcome),
               joined(job.texts ? *job.texts : ended_texts(job)),
               events_text(job.log),
               std::string(job.output[0].kept()),
               std::string(job.output[1].kept()),
               {},
               0,
               unix_us(*job.finished_at),
               age_s,
               {}};
  for (const auto& artifact : job.collection.artifacts) row.artifacts.push_back(artifact.sha256);
  row.ambiguous = ambiguous_row(job);
  row.bytes = row.report.size() + row.stdout_bytes.size() + row.stderr_bytes.size() + job.artifact_bytes();
  return row;
}

std::string lost_report(const std::string& report, const Lost& lost, WallTime now) {
  auto members = members_of(report);
  members.before["state"] = to_string(JobState::finished);
  members.before["outcome"] = to_json(lost);
  members.after["finished_at"] = rfc3339(now);
  return joined(text_of(members));
}

MemberTexts settled_texts(const Job& job, const Json& settlement) {
  auto texts = job.texts ? *job.texts : text_of(job_members(job, std::nullopt));
  auto before = Json::parse(texts.before);
  before["settled"] = settlement;
  texts.before = before.dump(-1, ' ', false, Json::error_handler_t::replace);
  return texts;
}

std::string report_text(const MemberTexts& texts) {
  return joined(texts);
}

void tell_settled(Job& job, MemberTexts texts) {
  job.told = JobMembers{Json::parse(texts.before), Json::parse(texts.between), Json::parse(texts.after)};
  job.texts = std::move(texts);
}

JobPtr restored_job(const StoredJob& stored, const OpenKept& open) {
  auto job = std::make_shared<Job>(stored.id, Account{stored.actor, stored.tenant}, JobOrder{}, WallTime{});
  auto members = members_of(stored.report);
  job->output = {OutputBuffer::of(stored.stdout_bytes, is_text(members.between, "stdout_encoding")),
                 OutputBuffer::of(stored.stderr_bytes, is_text(members.after, "stderr_encoding"))};
  job->collection = collection_of(members.after, open);
  job->log = log_of(stored.events.empty() ? "[]" : stored.events);
  job->state = JobState::finished;
  job->acceptance = Acceptance::accepted;
  if (const auto data = members.after.find("provenance"); data != members.after.end())
    job->mandate.data = provenance_of(*data);
  job->evidence = members.after.value("evidence", "off") == "on";
  job->told = std::move(members);
  return job;
}

}  // namespace cordon
