#include "supervisor/kill/kill_file.hpp"

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

Json to_json(const Engagement& engagement) {
  const auto at = std::chrono::duration_cast<milliseconds>(engagement.engaged_at.time_since_epoch());
  return {{"scope", to_string(engagement.scope)},
          {"generation", engagement.generation},
          {"engaged_at_ms", at.count()},
          {"by", engagement.by},
          {"reason", engagement.reason}};
}

Engagement read_engagement(const Json& value, const std::string& pointer, FieldErrors& errors) {
  ObjectReader in(value, pointer, errors);
  Engagement engagement;
  const auto scope = parse_scope(in.require_string("scope"));
  if (!scope) in.error("scope", "is none");
  engagement.scope = scope.value_or(Scope{});
  engagement.generation = in.require_integer("generation", {1, max_number});
  engagement.engaged_at = WallTime(milliseconds(in.require_integer("engaged_at_ms", {0, max_number})));
  engagement.by = in.require_string("by");
  engagement.reason = in.require_string("reason");
  in.refuse_unknown_keys();
  return engagement;
}

KillSwitch read_switch(const Json& document, FieldErrors& errors) {
  ObjectReader in(document, "", errors);
  const auto generation = in.require_integer("generation", {1, max_number});
  std::vector<Engagement> engaged;
  const auto* list = in.require("engaged");
  if (list != nullptr && !list->is_array()) in.error("engaged", "must be an array");
  if (list != nullptr && list->is_array())
    for (std::size_t i = 0; i < list->size(); ++i)
      engaged.push_back(read_engagement((*list)[i], pointer_to("/engaged", i), errors));
  in.refuse_unknown_keys();
  return {generation, engaged};
}

[[noreturn]] void refuse(const FieldErrors& errors) {
  const auto& first = errors.front();
  throw KernelError("understand the kill switch's file", first.pointer + ": " + first.detail, 0);
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

std::string kill_switch_text(const KillSwitch& state) {
  Json engaged = Json::array();
  for (const auto& one : state.engaged()) engaged.push_back(to_json(one));
  const Json document = {{"generation", state.generation()}, {"engaged", std::move(engaged)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

KillSwitch parse_kill_switch(std::string_view text) {
  const auto document = parse_strict_json(text);
  if (!document) refuse(document.error());
  FieldErrors errors;
  auto state = document->is_object() ? read_switch(*document, errors) : KillSwitch{};
  if (!document->is_object()) errors.push_back({"", "must be an object"});
  if (!errors.empty()) refuse(errors);
  return state;
}

KillSwitch load_kill_switch(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  check(file.get(), "open", path);
  return parse_kill_switch(read_whole(file, path));
}

void save_kill_switch(const std::string& path, const KillSwitch& state) {
  const auto fresh = path + ".new";
  const auto directory = path.substr(0, path.rfind('/'));
  write_whole(fresh, kill_switch_text(state));
  check(std::rename(fresh.c_str(), path.c_str()), "rename", fresh);
  const Fd place(check(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open directory", directory));
  check(::fsync(place.get()), "fsync", directory);
}

}  // namespace cordon
