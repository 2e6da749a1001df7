#include "supervisor/tools/tool_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>

#include "profiles/json_reader.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

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

std::string read_whole(const Fd& file, const std::string& path) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (const auto n = check(::read(file.get(), chunk.data(), chunk.size()), "read", path))
    text.append(chunk.data(), static_cast<std::size_t>(n));
  return text;
}

void write_whole(const std::string& path, std::string_view bytes) {
  const Fd file(check(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open", path));
  while (!bytes.empty())
    bytes.remove_prefix(
        static_cast<std::size_t>(check(::write(file.get(), bytes.data(), bytes.size()), "write", path)));
  check(::fsync(file.get()), "fsync", path);
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
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  check(file.get(), "open", path);
  return parse_tool_states(read_whole(file, path));
}

void save_tool_states(const std::string& path, const ToolStates& states) {
  const auto fresh = path + ".new";
  const auto directory = path.substr(0, path.rfind('/'));
  write_whole(fresh, tool_states_text(states));
  check(std::rename(fresh.c_str(), path.c_str()), "rename", fresh);
  const Fd place(check(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open directory", directory));
  check(::fsync(place.get()), "fsync", directory);
}

}  // namespace cordon
