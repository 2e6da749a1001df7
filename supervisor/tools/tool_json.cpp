#include "supervisor/tools/tool_json.hpp"

#include "profiles/egress_grant_json.hpp"
#include "profiles/limits_json.hpp"

namespace cordon {
namespace {

Json faults_json(const FieldErrors& faults) {
  Json out = Json::array();
  for (const auto& fault : faults) out.push_back({{"pointer", fault.pointer}, {"detail", fault.detail}});
  return out;
}

Json state_json(const ToolState* state) {
  if (state == nullptr) return Json();
  const auto& approval = state->approval;
  Json out = {
      {"approved_sha256", hex(approval.digest)}, {"approved_by", approval.by}, {"approved_at", rfc3339(approval.at)}};
  if (state->off)
    out["disabled"] = {{"by", state->off->by}, {"reason", state->off->reason}, {"at", rfc3339(state->off->at)}};
  return out;
}

}  // namespace

Json tool_json(const LoadedTool& loaded, const ToolStatus& status, const ToolState* state) {
  const auto& tool = loaded.tool;
  return {{"name", tool.name},
          {"version", tool.version},
          {"owner", tool.owner},
          {"why", tool.why},
          {"state", to_string(status.kind)},
          {"sha256", hex(status.digest)},
          {"drift", faults_json(status.drift)},
          {"decided", state_json(state)},
          {"side_effects", to_string(tool.side_effects)},
          {"idempotent", tool.idempotent},
          {"resources", tool.resources},
          {"data_classes", tool.data_classes},
          {"input", tool.input->text()},
          {"output", tool.output ? tool.output->text() : Json()},
          {"files_under", tool.files_under.empty() ? Json() : Json(tool.files_under)},
          {"profile", tool.profile},
          {"image", tool.image},
          {"limits", to_json(loaded.limits)},
          {"egress", to_json(loaded.egress)},
          {"compensation", tool.compensation ? Json(tool.compensation->tool) : Json()},
          {"health_check", tool.health.has_value()}};
}

Json plan_json(const JobOrder& order, const Decision& decision) {
  const auto& tool = order.call->tool->tool;
  Json files = Json::array();
  for (const auto& file : order.files) {
    const auto digest = file.artifact ? file.artifact->sha256() : sha256(file.content);
    files.push_back({{"path", file.path}, {"size", file.size()}, {"sha256", hex(digest)}});
  }
  return {{"dry_run", true},
          {"tool", tool.name},
          {"version", tool.version},
          {"owner", tool.owner},
          {"sha256", hex(order.call->digest)},
          {"side_effects", to_string(tool.side_effects)},
          {"resources", tool.resources},
          {"data_classes", tool.data_classes},
          {"decision", to_json(decision)},
          {"plan",
           {{"argv", order.argv},
            {"stdin_sha256", hex(sha256(order.stdin_bytes))},
            {"env", order.env},
            {"files", std::move(files)},
            {"collect", order.collect},
            {"profile", order.profile},
            {"profile_sha256", hex(order.profile_sha256)},
            {"image", order.image},
            {"egress", to_json(order.egress)},
            {"limits", to_json(order.limits)}}}};
}

}  // namespace cordon
