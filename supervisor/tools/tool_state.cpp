#include "supervisor/tools/tool_state.hpp"

#include <fcntl.h>

#include <chrono>

#include "profiles/json_reader.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/durable_file.hpp"

namespace cordon {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t max_number = (std::uint64_t{1} << 53) - 1;

std::int64_t unix_ms(WallTime time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

Json to_json(const ToolState& state) {
  Json out = {{"approved_sha256", hex(state.approval.digest)},
              {"approved_by", state.approval.by},
              {"approved_at_ms", unix_ms(state.approval.at)}};
  if (state.off) out["off"] = {{"by", state.off->by}, {"reason", state.off->reason}, {"at_ms", unix_ms(state.off->at)}};
  return out;
}

WallTime read_time(ObjectReader& in, std::string_view key) {
  return WallTime(milliseconds(in.require_integer(key, {0, max_number})));
}

ToolState read_state(const Json& value, const std::string& pointer, FieldErrors& errors) {
  ObjectReader in(value, pointer, errors);
  ToolState state;
  const auto digest = parse_hex(in.require_string("approved_sha256"));
  if (!digest) in.error("approved_sha256", "is no SHA-256");
  state.approval = {digest.value_or(Sha256{}), in.require_string("approved_by"), read_time(in, "approved_at_ms")};
  if (const Json* off = in.find("off")) {
    ObjectReader why(*off, in.pointer("off"), errors);
    state.off = SwitchedOff{why.require_string("by"), why.require_string("reason"), read_time(why, "at_ms")};
    why.refuse_unknown_keys();
  }
  in.refuse_unknown_keys();
  return state;
}

[[noreturn]] void refuse(const FieldErrors& errors) {
  const auto& first = errors.front();
  throw KernelError("understand the tools' file", first.pointer + ": " + first.detail, 0,
                    "mend it, or remove it: then each tool that is as pinned counts as approved");
}

}  // namespace

std::string tool_states_text(const ToolStates& states) {
  Json tools = Json::object();
  for (const auto& [name, state] : states) tools[name] = to_json(state);
  return Json{{"tools", std::move(tools)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

ToolStates parse_tool_states(std::string_view text) {
  const auto document = parse_strict_json(text);
  if (!document) refuse(document.error());
  FieldErrors errors;
  ToolStates states;
  ObjectReader in(*document, "", errors);
  const Json* tools = in.require("tools");
  if (tools != nullptr && !tools->is_object()) in.error("tools", "must be an object");
  if (tools != nullptr && tools->is_object())
    for (const auto& [name, value] : tools->items())
      states.emplace(name, read_state(value, pointer_to("/tools", name), errors));
  in.refuse_unknown_keys();
  if (!errors.empty()) refuse(errors);
  return states;
}

ToolStates load_tool_states(const std::string& path) {
  const auto text = read_file_if_there(AT_FDCWD, path);
  return text ? parse_tool_states(*text) : ToolStates{};
}

void save_tool_states(const std::string& path, const ToolStates& states) {
  replace_durably(path, tool_states_text(states));
}

}  // namespace cordon
