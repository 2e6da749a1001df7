#include "supervisor/authority/action.hpp"

#include "profiles/canonical_json.hpp"
#include "profiles/egress_grant_json.hpp"
#include "profiles/limits_json.hpp"
#include "supervisor/text/base64.hpp"
#include "supervisor/text/utf8.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {
namespace {

constexpr std::size_t preview_bytes = 4096, most_previews = 16;

Json content_json(std::string_view bytes) {
  return {{"bytes", bytes.size()}, {"sha256", hex(sha256(bytes))}};
}

Json file_json(const OrderedFile& file) {
  Json out = {{"path", file.path}, {"mode", file.mode}};
  if (file.artifact) {
    out["artifact"] = true;
    out["bytes"] = file.artifact->size();
    out["sha256"] = hex(file.artifact->sha256());
  } else {
    out.update(content_json(file.content));
  }
  return out;
}

Json preview(const std::string& path, std::string_view bytes) {
  const auto head = bytes.substr(0, preview_bytes);
  const bool text = is_utf8(head);
  return {{"path", path},
          {"content", text ? std::string(head) : base64(head)},
          {"encoding", text ? "utf8" : "base64"},
          {"whole", head.size() == bytes.size()}};
}

Json tool_json(const JobOrder& order) {
  if (!order.call) return nullptr;
  const auto& call = *order.call;
  const auto& tool = call.tool->tool;
  return {{"name", tool.name},
          {"version", tool.version},
          {"owner", tool.owner},
          {"sha256", hex(call.digest)},
          {"side_effects", to_string(tool.side_effects)},
          {"resources", tool.resources},
          {"input", Json::parse(call.input)},
          {"compensates", call.compensates},
          {"health_check", call.health}};
}

}  // namespace

ImageConfig image_of(const JobOrder& order, const Config& config) {
  const auto image = config.images.find(order.image);
  return image == config.images.end() ? ImageConfig{} : image->second;
}

Json action_of(const JobOrder& order, const Account& account, const Mandate& mandate, const ImageConfig& image) {
  Json files = Json::array();
  for (const auto& file : order.files) files.push_back(file_json(file));
  return {{"version", 1},
          {"actor", account.actor},
          {"uid", mandate.uid},
          {"tenant", account.tenant},
          {"grant", mandate.grant.empty() ? Json() : Json(mandate.grant)},
          {"tool", tool_json(order)},
          {"profile", order.profile},
          {"profile_sha256", hex(order.profile_sha256)},
          {"image", order.image},
          {"rootfs", image.rootfs},
          {"image_file", image.file},
          {"image_sha256", image.file.empty() ? Json() : Json(hex(image.sha256))},
          {"argv", order.argv},
          {"env", order.env},
          {"cwd", order.cwd},
          {"stdin", content_json(order.stdin_bytes)},
          {"files", std::move(files)},
          {"collect", order.collect},
          {"collect_bounds", {{"files", order.collect_bounds.files}, {"bytes", order.collect_bounds.bytes}}},
          {"egress", to_json(order.egress)},
          {"limits", to_json(order.limits)},
          {"on_output_limit", order.on_output_limit == OnOutputLimit::kill ? "kill" : "truncate"},
          {"labels", order.labels},
          {"provenance", to_json(mandate.data)}};
}

Sha256 action_digest(const JobOrder& order, const Account& account, const Mandate& mandate, const ImageConfig& image) {
  return canonical_digest(action_of(order, account, mandate, image));
}

Json previews_of(const JobOrder& order) {
  Json out = Json::array();
  if (!order.stdin_bytes.empty()) out.push_back(preview("(standard input)", order.stdin_bytes));
  for (const auto& file : order.files) {
    if (!file.artifact && out.size() < most_previews) out.push_back(preview(file.path, file.content));
  }
  return out;
}

}  // namespace cordon
