#include "supervisor/kill/kill_file.hpp"

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
  const auto text = read_file_if_there(AT_FDCWD, path);
  return text ? parse_kill_switch(*text) : KillSwitch{};
}

void save_kill_switch(const std::string& path, const KillSwitch& state) {
  replace_durably(path, kill_switch_text(state));
}

}  // namespace cordon
