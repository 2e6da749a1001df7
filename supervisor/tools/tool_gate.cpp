#include "supervisor/tools/tool_gate.hpp"

#include "profiles/canonical_json.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr std::size_t longest_script = std::size_t{4} << 20;
constexpr std::size_t longest_program = std::size_t{512} << 20;
constexpr const char* ourselves = "cordond";

std::string root_of(const LoadedTool& tool) {
  if (!tool.image.file.empty()) return tool.image.file;  // no directory of ours: nothing is found there
  return tool.image.is_host() ? "/" : tool.image.rootfs;
}

Rejection not_approved(const LoadedTool& tool, const ToolStatus& status) {
  Rejection r{403, "tool_drifted", "The tool is not what was approved", {}, {}};
  r.detail = "tool " + tool.tool.name + " has changed since it was approved";
  if (!status.drift.empty()) r.detail += ": " + status.drift.front().pointer + " " + status.drift.front().detail;
  r.remedy = "An operator looks at it and approves " + hex(status.digest) + " (cordon tool approve), or puts it back.";
  r.tool = tool.tool.name;
  return r;
}

Rejection switched_off(const LoadedTool& tool, const SwitchedOff& off) {
  Rejection r{
      403, "tool_disabled", "The tool is switched off",
      "tool " + tool.tool.name + " was switched off by " + off.by + " at " + rfc3339(off.at) + ": " + off.reason,
      "An operator switches it on again (cordon tool enable)."};
  r.tool = tool.tool.name;
  return r;
}

}  // namespace

std::string_view to_string(ToolStatus::Kind kind) {
  switch (kind) {
    case ToolStatus::Kind::ready:
      return "ready";
    case ToolStatus::Kind::drifted:
      return "drifted";
    case ToolStatus::Kind::off:
      break;
  }
  return "disabled";
}

ToolGate::ToolGate(std::string file, uid_t owner)
    : file_(std::move(file)), owner_(owner), states_(load_tool_states(file_)) {}

const ToolGate::Found& ToolGate::look(const std::string& root, const std::string& path, bool keep_bytes) {
  auto& found = found_[root + "\n" + path];
  const auto identity = identity_of(root, path);
  if (identity && found.identity == identity) return found;
  found = {identity, tl::unexpected(std::string("is not there")), {}};
  auto bytes = read_trusted(root, path, owner_, keep_bytes ? longest_script : longest_program);
  if (!bytes) {
    found.identity.reset();
    found.sha256 = tl::unexpected(bytes.error());
    return found;
  }
  found.sha256 = sha256(*bytes);
  if (keep_bytes) found.bytes = std::move(*bytes);
  return found;
}

ToolStatus ToolGate::status(const LoadedTool& loaded) {
  const auto& tool = loaded.tool;
  ToolStatus status;
  Json pinned = {{"definition", hex(sha256(tool.text))}, {"script", Json()}, {"programs", Json::object()}};
  const auto pin = [&](const std::string& pointer, const Sha256& wanted, const Found& found) {
    if (!found.sha256) status.drift.push_back({pointer, "the file " + found.sha256.error()});
    if (found.sha256 && *found.sha256 != wanted)
      status.drift.push_back({pointer, "is " + hex(wanted) + ", the file has " + hex(*found.sha256)});
    return found.sha256 ? hex(*found.sha256) : "unreadable";
  };
  if (tool.script)
    pinned["script"] = pin("/script/sha256", tool.script->sha256, look(loaded.directory, tool.script->file, true));
  for (const auto& [path, wanted] : tool.programs)
    pinned["programs"][path] = pin(pointer_to("/programs", path), wanted, look(root_of(loaded), path, false));
  status.digest = canonical_digest(pinned);
  const auto* known = state(tool.name);
  status.is_changed = known == nullptr || known->approval.digest != status.digest;
  if (status.is_changed) status.kind = ToolStatus::Kind::drifted;
  if (known != nullptr && known->off) status.kind = ToolStatus::Kind::off;
  return status;
}

std::optional<Rejection> ToolGate::refusal(const LoadedTool& tool) {
  const auto now = status(tool);
  if (now.kind == ToolStatus::Kind::off) return switched_off(tool, *state(tool.tool.name)->off);
  if (now.kind == ToolStatus::Kind::drifted) return not_approved(tool, now);
  return std::nullopt;
}

std::string ToolGate::script(const LoadedTool& tool) {
  if (!tool.tool.script) return {};
  return look(tool.directory, tool.tool.script->file, true).bytes;
}

const ToolState* ToolGate::state(const std::string& name) const {
  const auto at = states_.find(name);
  return at == states_.end() ? nullptr : &at->second;
}

// One that is not there any more is remembered: what comes back under its name is not new.
std::vector<std::string> ToolGate::see(const LoadedTools& tools) {
  auto states = states_;
  std::vector<std::string> drifted;
  for (const auto& [name, tool] : tools) {
    const auto now = status(*tool);
    if (!states.contains(name) && now.drift.empty()) {
      states[name] = {{now.digest, ourselves, std::chrono::system_clock::now()}, std::nullopt};
    } else if (now.is_changed) {
      drifted.push_back(name);
    }
  }
  if (states.size() == states_.size()) return drifted;
  try {
    replace(states);
  } catch (const std::exception& e) {
    log("tools_not_kept", {{"file", file_}, {"error", e.what()}}, Priority::warning);
    states_ = std::move(states);  // as they were seen: what is approved is in the definitions
  }
  return drifted;
}

void ToolGate::replace(ToolStates states) {
  save_tool_states(file_, states);
  states_ = std::move(states);
}

void ToolGate::approve(const LoadedTool& tool, const Sha256& digest, const std::string& by, WallTime now) {
  auto states = states_;
  states[tool.tool.name].approval = {digest, by, now};
  replace(std::move(states));
}

void ToolGate::switch_off(const std::string& name, const std::string& by, const std::string& reason, WallTime now) {
  auto states = states_;
  states[name].off = SwitchedOff{by, reason, now};
  if (states[name].approval.by.empty()) states[name].approval.by = by;  // of nothing: what comes is approved on its own
  replace(std::move(states));
}

void ToolGate::switch_on(const std::string& name) {
  auto states = states_;
  states[name].off.reset();
  replace(std::move(states));
}

std::optional<std::string> why_not_called(ToolGate& gate, const ToolCall& call, const std::string& actor) {
  if (auto refusal = gate.refusal(*call.tool)) return std::move(refusal->detail);
  if (gate.status(*call.tool).digest != call.digest)
    return "tool " + call.tool->tool.name + " is another than the one that was called";
  if (call.health) return std::nullopt;
  const auto* earlier = gate.unsettled.same(actor, call.tool->tool.name, call.input_sha256);
  if (earlier == nullptr) return std::nullopt;
  return "whether the same call has happened in job " + earlier->id + " is not known";
}

}  // namespace cordon
