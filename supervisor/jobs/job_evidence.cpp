#include "supervisor/jobs/job_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/authority/action.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {
namespace {

constexpr std::uint64_t quick_bytes = std::uint64_t{64} << 10;

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

EvidenceNumbers limits_of(const Limits& limits) {
  EvidenceNumbers out;
  for (const auto& field : limit_fields) out[std::string(field.name)] = limits.*field.member;
  return out;
}

EvidenceNumbers usage_of(const Usage& usage) {
  EvidenceNumbers out{{"wall_us", usage.wall_us}, {"cpu_us", usage.cpu_us}};
  if (usage.memory_peak_bytes) out["memory_peak_bytes"] = *usage.memory_peak_bytes;
  if (usage.pids_peak) out["pids_peak"] = *usage.pids_peak;
  if (usage.scratch_files) out["scratch_files"] = *usage.scratch_files;
  if (usage.scratch_bytes) out["scratch_bytes"] = *usage.scratch_bytes;
  return out;
}

EvidenceTexts labels_of(const Job& job, const RedactedLabels& redacted) {
  EvidenceTexts out;
  for (const auto& [name, value] : job.order.labels) {
    const bool hidden = std::find(redacted.begin(), redacted.end(), name) != redacted.end();
    out[name] = hidden ? "[redacted]" : value;
  }
  return out;
}

void put_account(EvidenceRecord& record, const Job& job, const RedactedLabels& redacted) {
  record.put("job", job.id).put("actor", job.account.actor).put_text("tenant", job.account.tenant);
  if (auto labels = labels_of(job, redacted); !labels.empty()) record.put("labels", std::move(labels));
}

void put_outcome(EvidenceRecord& record, const Outcome& outcome) {
  record.put("outcome", std::string(kind(outcome)));
  std::visit(Overloaded{[&](const Exited& e) { record.put("code", std::uint64_t{e.code}); },
                        [&](const ExecFailed& e) {
                          record.put("code", std::uint64_t{e.code}).put("error", e.step + ": " + errno_name(e.error));
                        },
                        [&](const Signalled& e) { record.put("signal", std::uint64_t{e.signal}); },
                        [&](const TimedOut& e) {
                          record.put("limit", std::string(e.limit == TimeLimit::wall ? "wall" : "cpu"));
                        },
                        [&](const Killed& e) { record.put("scope", e.scope).put("by", e.by).put("reason", e.reason); },
                        [&](const Denied& e) { record.put("by", e.by).put("reason", e.reason); },
                        [&](const Lost& e) {
                          record.put("reason", e.reason);
                          if (e.ambiguous) record.put("ambiguous", std::string("true"));
                        },
                        [&](const SetupFailed& e) {
                          record.put("error", e.step + ": " + errno_name(e.error)).put("remedy", e.remedy);
                        },
                        [](const auto&) {}},
             outcome);
}

// Which tool, and digests of what it was given: never the input.
void put_call(EvidenceRecord& record, const Job& job) {
  if (!job.order.call) return;
  const auto& call = *job.order.call;
  const auto& tool = call.tool->tool;
  record.put("tool", tool.name).put("tool_version", tool.version).put("tool_sha256", hex(call.digest));
  record.put("side_effects", std::string(to_string(tool.side_effects))).put("input_sha256", hex(call.input_sha256));
  record.put_text("compensates", call.compensates);
}

void put_result(EvidenceRecord& record, const Job& job) {
  if (!job.result) return;
  if (job.result->output) record.put("tool_output_sha256", hex(sha256(*job.result->output)));
  if (!job.result->unexpected.empty()) record.put("unexpected_side_effects", job.result->unexpected);
}

EvidenceTexts provenance_of(const Provenance& data) {
  const auto joined = [](const std::set<std::string>& all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "" : ",") + one;
    return out;
  };
  return {{"trust", data.untrusted ? "untrusted" : "inherent"},
          {"sources", joined(data.sources)},
          {"data_classes", joined(data.data_classes)},
          {"tenants", joined(data.tenants)}};
}

// Under what it acts.
void put_authority(EvidenceRecord& record, const Job& job, const Sha256& policy) {
  record.put("uid", std::uint64_t{job.mandate.uid}).put("policy_sha256", hex(policy));
  record.put_text("grant", job.mandate.grant).put("provenance", provenance_of(job.mandate.data));
  if (const auto& approval = job.mandate.approval) record.put("binding_sha256", hex(approval->binding()));
}

// Why it is held.
std::vector<std::string> rules_of(const Approval& approval) {
  std::vector<std::string> out;
  for (const auto& need : approval.needs) out.push_back(need.rule);
  return out;
}

EvidenceNumbers denials_of(const Job& job) {
  EvidenceNumbers out;
  if (!job.report) return out;
  for (const auto& denial : job.report->denials) out[denial.control] += denial.count.value_or(1);
  return out;
}

EvidenceTexts artifacts_of(const Job& job) {
  EvidenceTexts out;
  for (const auto& artifact : job.collection.artifacts) out[artifact.path] = hex(artifact.sha256);
  return out;
}

EvidenceTexts scratch_of(const ScratchChanges& changes) {
  EvidenceTexts out;
  const auto put = [&out](const ScratchList& list, std::string_view what) {
    for (const auto& entry : list.entries)
      out[entry.path] = entry.sha256 ? fmt::format("{} {}", what, hex(*entry.sha256)) : std::string(what);
  };
  put(changes.added, "added");
  put(changes.changed, "changed");
  put(changes.removed, "removed");
  return out;
}

// What it left, counted, and with digests as far as they are told.
void put_scratch(EvidenceRecord& record, const std::optional<ScratchChanges>& changes) {
  if (!changes) return;
  record.put("scratch_changes", EvidenceNumbers{{"added", changes->added.count},
                                                {"changed", changes->changed.count},
                                                {"removed", changes->removed.count},
                                                {"incomplete", changes->complete ? 0U : 1U}});
  if (auto scratch = scratch_of(*changes); !scratch.empty()) record.put("scratch", std::move(scratch));
}

}  // namespace

bool is_quick(std::uint64_t bytes_to_hash) {
  return bytes_to_hash <= quick_bytes;
}

EvidenceRecord decision_record(const Job& job, const Sha256& action, const Config& config) {
  EvidenceRecord record{EvidenceKind::decision, {}};
  put_account(record, job, config.evidence.redact);
  put_call(record, job);
  record.put("config_sha256", hex(config.digest));
  record.put("decision", std::string(job.mandate.is_held() ? "held" : "admitted")).put("action_sha256", hex(action));
  put_authority(record, job, config.policy.digest);
  if (job.mandate.is_held()) record.put("rules", rules_of(*job.mandate.approval));
  record.put("profile", job.order.profile).put("profile_sha256", hex(job.order.profile_sha256));
  record.put("image", job.order.image).put("limits", limits_of(job.order.limits));
  const auto image = image_of(job.order, config);
  if (!image.file.empty()) record.put("image_sha256", hex(image.sha256));
  EvidenceTexts inputs;  // of earlier jobs
  for (const auto& file : job.order.files) {
    if (file.artifact) inputs[file.path] = hex(file.artifact->sha256());
  }
  if (!inputs.empty()) record.put("input_artifacts", std::move(inputs));
  return record;
}

EvidenceRecord outcome_record(const Job& job, const OutputDigests& outputs, const RedactedLabels& redacted) {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  put_account(record, job, redacted);
  put_call(record, job);
  put_result(record, job);
  put_outcome(record, *job.outcome);
  if (std::holds_alternative<Cancelled>(*job.outcome)) record.put_text("by", job.cancelled_by);
  record.put_text("grant", job.mandate.grant);
  record.put("provenance", provenance_of(job.written()));
  if (const auto& approval = job.mandate.approval)
    record.put("approval", std::string(to_string(approval->state))).put("binding_sha256", hex(approval->binding()));
  record.put("profile_sha256", hex(job.order.profile_sha256));
  if (job.enforced) record.put("filter_sha256", hex(job.enforced->filter));
  if (job.report) record.put("usage", usage_of(job.report->usage));
  if (auto denials = denials_of(job); !denials.empty()) record.put("denials", std::move(denials));
  if (!job.enforced) return record;
  record.put("stdout_sha256", hex(outputs.out)).put("stdout_bytes", job.output[0].written());
  record.put("stderr_sha256", hex(outputs.err)).put("stderr_bytes", job.output[1].written());
  if (auto artifacts = artifacts_of(job); !artifacts.empty()) record.put("artifacts", std::move(artifacts));
  put_scratch(record, job.collection.scratch);
  return record;
}

EvidenceRecord withdrawn_record(const std::string& job, std::string_view why) {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  return record.put("job", job).put("outcome", std::string("withdrawn")).put("reason", std::string(why));
}

EvidenceRecord lost_record(const std::string& job, const Account& account, const std::string& reason) {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  record.put("job", job).put("actor", account.actor).put_text("tenant", account.tenant);
  return record.put("outcome", std::string("lost")).put("reason", reason);
}

}  // namespace cordon
