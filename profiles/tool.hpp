// A tool as an administrator defined it: what runs, who answers for it, what it takes and gives, what it may do to the
// world. Pure: text in, value out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/admission_rules.hpp"
#include "profiles/json_schema.hpp"
#include "profiles/sha256.hpp"
#include "profiles/tool_argument.hpp"

namespace cordon {

// What a call does to the world, from nothing to what only administrators may. In this order: each is worse.
enum class SideEffects : std::uint8_t { read_only, reversible, irreversible, external, financial, administrative };
std::string_view to_string(SideEffects effects);
std::optional<SideEffects> parse_side_effects(std::string_view text);

// A file beside the definition that is put into the workspace of each call, under its own name.
struct ToolScript {
  std::string file;
  Sha256 sha256{};
};

// How a call is undone: another tool, with an input made of what this one was given and what it answered.
struct Compensation {
  std::string tool;
  Json input = Json::object();  // {"input": POINTER} and {"output": POINTER} stand for values of the call
};

struct HealthCheck {
  std::vector<std::string> argv;  // exit code 0: it is well
};

struct Tool {
  std::string name, version, owner, why;
  std::vector<Argument> argv;
  bool input_on_stdin = false;
  std::optional<ToolScript> script;
  std::map<std::string, Sha256> programs;  // files of the image, by absolute path
  std::string profile = "default", image = "host";
  std::optional<JsonSchema> input;   // always there
  std::optional<JsonSchema> output;  // of what it writes to stdout; nullopt: anything
  SideEffects side_effects = SideEffects::administrative;
  bool idempotent = false;             // a call may be made again when it is not known how it ended
  std::vector<std::string> resources;  // what it acts on: "db/orders", "mail"
  std::vector<std::string> data_classes;
  bool untrusted = true;    // "trust": what it answers may come from anybody; "inherent": only from its input
  std::string files_under;  // where a call's own files may be; empty: it takes none
  std::vector<std::string> collect;
  Json limits = Json::object();  // lower than the profile's
  std::optional<Json> egress;    // fewer of the profile's grants (egress_narrow.hpp); nullopt: what the profile grants
  Allowance allowance;           // rate, max_running, max_queued, budgets
  std::optional<HealthCheck> health;
  std::optional<Compensation> compensation;
  std::string text;  // the definition as it was read
};

// {"version", "owner", "why", "argv" (tool_argument.hpp), "stdin": "none" or "input", "script": {"file", "sha256"},
//  "programs": {PATH: SHA-256}, "profile", "image", "input": SCHEMA, "output": SCHEMA, "side_effects", "idempotent",
//  "resources", "data_classes", "trust": "untrusted" or "inherent", "files_under", "collect", "limits", "egress",
//  "rate", "max_running", "max_queued", "budgets", "health": {"argv"}, "compensation": {"tool", "input"}}
// `name` is the file's; a "name" in it must be the same.
tl::expected<Tool, FieldErrors> parse_tool(std::string_view name, std::string_view text);

// Of one that cannot be called again while it is not known whether it happened.
bool happens_once(const Tool& tool);

}  // namespace cordon
