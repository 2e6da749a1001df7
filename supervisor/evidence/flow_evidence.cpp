#include "supervisor/evidence/flow_evidence.hpp"

namespace cordon {
namespace {

EvidenceRecord begin(EvidenceKind kind, const std::string& job, const JobOwner& whose) {
  EvidenceRecord record{kind, {}};
  record.put_text("job", job).put_text("actor", whose.actor).put_text("tenant", whose.tenant);
  record.put_text("tool", whose.tool).put_text("profile", whose.profile);
  return record;
}

void put_destination(EvidenceRecord& record, const std::string& name, std::uint16_t port) {
  record.put_text("name", name).put("port", std::uint64_t{port});
}

void put_reason(EvidenceRecord& record, FlowReason reason) {
  if (reason != FlowReason::none) record.put("reason", std::string(to_string(reason)));
}

EvidenceRecord repeated_denial(const auto& denied, const JobOwner& whose) {
  auto record = begin(EvidenceKind::flow_denied, denied.job, whose);
  record.put("verdict", std::string("denied")).put("times", denied.times).put_text("name", denied.name);
  put_reason(record, denied.reason);
  return record;
}

}  // namespace

EvidenceRecord flow_evidence(const FlowDecided& decided, const JobOwner& whose) {
  auto record = begin(decided.allowed() ? EvidenceKind::flow : EvidenceKind::flow_denied, decided.job, whose);
  record.put("flow", decided.flow).put("generation", decided.generation);
  record.put("verdict", std::string(decided.allowed() ? "allowed" : "denied"));
  put_destination(record, decided.name, decided.port);
  put_reason(record, decided.reason);
  if (decided.grant != 255) record.put("rule", "/egress/" + std::to_string(decided.grant));
  record.put_text("server_name", decided.server_name).put_text("host", decided.host);
  record.put_text("method", decided.method).put_text("path", decided.path);
  return record;
}

EvidenceRecord flow_evidence(const FlowClosed& closed, const JobOwner& whose) {
  auto record = begin(EvidenceKind::flow_closed, closed.job, whose);
  record.put("flow", closed.flow).put("bytes_up", closed.bytes_up).put("bytes_down", closed.bytes_down);
  record.put("duration_us", closed.duration_us);
  put_reason(record, closed.reason);
  std::vector<std::string> answers;
  for (const auto& answer : closed.answers) answers.push_back(answer.text());
  record.put("answers", std::move(answers));
  if (closed.dialled) record.put("address", closed.dialled->text());
  return record;
}

EvidenceRecord flow_evidence(const DeniedAgain& again, const JobOwner& whose) {
  auto record = repeated_denial(again, whose);
  record.put("port", std::uint64_t{again.port});
  return record;
}

EvidenceRecord flow_evidence(const QueryDenied& query, const JobOwner& whose) {
  auto record = repeated_denial(query, whose);
  record.put("query_type", std::uint64_t{query.type});
  return record;
}

}  // namespace cordon
