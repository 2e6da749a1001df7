#include "profiles/tool.hpp"

#include <algorithm>
#include <array>

#include "profiles/egress_grant_json.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/name.hpp"

namespace cordon {
namespace {

constexpr std::array<std::string_view, 6> effect_names{"read_only", "reversible", "irreversible",
                                                       "external",  "financial",  "administrative"};
constexpr std::size_t most_words = 64, longest_word = 128, longest_text = 1024;
constexpr const char* path_rule = "must be a relative path of a-z A-Z 0-9 . _ - that stays inside the workspace";

void append(FieldErrors& to, const FieldErrors& from) {
  to.insert(to.end(), from.begin(), from.end());
}

bool is_file_name(std::string_view name) {
  return is_name(name) && name.find_first_not_of('.') != name.npos;
}

// "in", "out/csv": what no glob and no escape is in.
bool is_plain_path(std::string_view path) {
  for (std::size_t from = 0; from <= path.size();) {
    const auto end = std::min(path.find('/', from), path.size());
    if (!is_file_name(path.substr(from, end - from))) return false;
    from = end + 1;
  }
  return path.size() <= 255;
}

std::string read_line(ObjectReader& object, std::string_view key, std::size_t longest) {
  auto text = object.require_string(key);
  const bool is_line =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (text.size() > longest || !is_line)
    object.error(key, "must be one line of at most " + std::to_string(longest) + " bytes");
  return text;
}

std::optional<Sha256> read_digest(const Json& value, const std::string& pointer, FieldErrors& errors) {
  const auto text = read_string(value, pointer, errors);
  if (!text) return std::nullopt;
  auto digest = parse_hex(*text);
  if (!digest) errors.push_back({pointer, "must be a SHA-256: 64 digits of 0-9 a-f"});
  return digest;
}

void read_script(ObjectReader& document, Tool& into, FieldErrors& errors) {
  const Json* value = document.find("script");
  if (value == nullptr) return;
  ObjectReader object(*value, "/script", errors);
  ToolScript script;
  script.file = object.require_string("file");
  if (!script.file.empty() && !is_file_name(script.file))
    object.error("file", "must be the name of a file beside the definition");
  if (const Json* pin = object.require("sha256"))
    script.sha256 = read_digest(*pin, "/script/sha256", errors).value_or(Sha256{});
  object.refuse_unknown_keys();
  into.script = std::move(script);
}

void read_programs(ObjectReader& document, Tool& into, FieldErrors& errors) {
  const Json* value = document.find("programs");
  if (value == nullptr) return;
  if (!value->is_object() || value->size() > most_words)
    return document.error("programs", "must be an object of at most 64 paths");
  for (const auto& [path, pin] : value->items()) {
    const auto pointer = pointer_to("/programs", path);
    if (!path.starts_with('/') || path.find("/../") != path.npos || path.size() > 4095)
      errors.push_back({pointer, "must be an absolute path in the image"});
    into.programs[path] = read_digest(pin, pointer, errors).value_or(Sha256{});
  }
}

void read_schemas(ObjectReader& document, Tool& into, FieldErrors& errors) {
  if (const Json* input = document.require("input")) {
    auto schema = JsonSchema::compile(*input, "/input");
    if (!schema) append(errors, schema.error());
    if (schema && input->value("type", Json()) != "object") document.error("input", "must have \"type\": \"object\"");
    if (schema) into.input = std::move(*schema);
  }
  const Json* output = document.find("output");
  if (output == nullptr) return;
  auto schema = JsonSchema::compile(*output, "/output");
  if (!schema) return append(errors, schema.error());
  into.output = std::move(*schema);
}

void read_stdin(ObjectReader& document, Tool& into) {
  std::string what = "none";
  document.optional("stdin", what);
  if (what != "none" && what != "input") document.error("stdin", "must be none or input");
  into.input_on_stdin = what == "input";
}

void read_effects(ObjectReader& document, Tool& into) {
  const auto name = document.require_string("side_effects");
  const auto effects = parse_side_effects(name);
  if (!effects && !name.empty())
    document.error("side_effects",
                   "must be read_only, reversible, irreversible, external, financial or administrative");
  into.side_effects = effects.value_or(SideEffects::administrative);
  const Json* idempotent = document.find("idempotent");
  if (idempotent == nullptr) return;
  if (!idempotent->is_boolean()) return document.error("idempotent", "must be true or false");
  into.idempotent = idempotent->get<bool>();
}

void read_words(ObjectReader& document, std::string_view key, std::vector<std::string>& into) {
  document.optional(key, into);
  if (into.size() > most_words) return document.error(key, "must be at most 64");
  for (const auto& word : into)
    if (word.empty() || word.size() > longest_word) return document.error(key, "each must have 1 to 128 bytes");
}

void read_files(ObjectReader& document, Tool& into, FieldErrors& errors) {
  document.optional("files_under", into.files_under);
  if (!into.files_under.empty() && !is_plain_path(into.files_under)) document.error("files_under", path_rule);
  const bool is_script = into.script && (into.files_under + "/").starts_with(into.script->file + "/");
  if (is_script) document.error("files_under", "is where the script is");
  document.optional("collect", into.collect);
  if (into.collect.size() > most_words) return document.error("collect", "must be at most 64 globs");
  for (std::size_t i = 0; i < into.collect.size(); ++i) {
    const auto& glob = into.collect[i];
    if (glob.empty() || glob.size() > 255 || glob[0] == '/' || ("/" + glob + "/").find("/../") != glob.npos)
      errors.push_back({pointer_to("/collect", i), "must be a glob of paths inside the workspace"});
  }
}

void read_egress_asks(ObjectReader& document, Tool& into, FieldErrors& errors) {
  const Json* asked = document.find("egress");
  if (asked == nullptr) return;
  check_egress_asks(*asked, "/egress", errors);
  into.egress = *asked;
}

void read_health(ObjectReader& document, Tool& into, FieldErrors& errors) {
  const Json* value = document.find("health");
  if (value == nullptr) return;
  ObjectReader object(*value, "/health", errors);
  HealthCheck health;
  health.argv = object.require_strings("argv");
  if (health.argv.empty() || health.argv[0].empty()) object.error("argv", "must begin with a program");
  object.refuse_unknown_keys();
  into.health = std::move(health);
}

void check_places(const Json& value, const std::string& pointer, FieldErrors& errors) {
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i) check_places(value[i], pointer_to(pointer, i), errors);
  if (!value.is_object()) return;
  const bool is_place = value.contains("input") || value.contains("output");
  if (is_place && (value.size() != 1 || !value.front().is_string()))
    errors.push_back({pointer, R"(must be {"input": POINTER} or {"output": POINTER} and nothing else)"});
  if (is_place) return;
  for (const auto& [key, member] : value.items()) check_places(member, pointer_to(pointer, key), errors);
}

void read_compensation(ObjectReader& document, Tool& into, FieldErrors& errors) {
  const Json* value = document.find("compensation");
  if (value == nullptr) return;
  ObjectReader object(*value, "/compensation", errors);
  Compensation compensation;
  compensation.tool = object.require_string("tool");
  if (const Json* input = object.require("input")) {
    if (!input->is_object()) object.error("input", "must be an object");
    for (const auto& [key, member] : input->items())
      check_places(member, pointer_to("/compensation/input", key), errors);
    compensation.input = *input;
  }
  object.refuse_unknown_keys();
  into.compensation = std::move(compensation);
}

void read_identity(ObjectReader& document, Tool& into) {
  std::string name = into.name;
  document.optional("name", name);
  if (name != into.name) document.error("name", "must be the name of the file: " + into.name);
  into.version = read_line(document, "version", 64);
  into.owner = read_line(document, "owner", 256);
  into.why = read_line(document, "why", longest_text);
}

void read_what_runs(ObjectReader& document, Tool& into, FieldErrors& errors) {
  if (const Json* argv = document.require("argv")) into.argv = read_arguments(*argv, "/argv", errors);
  read_stdin(document, into);
  read_script(document, into, errors);
  read_programs(document, into, errors);
  document.optional("profile", into.profile);
  document.optional("image", into.image);
}

}  // namespace

std::string_view to_string(SideEffects effects) {
  return effect_names[static_cast<std::size_t>(effects)];
}

std::optional<SideEffects> parse_side_effects(std::string_view text) {
  const auto* const at = std::find(effect_names.begin(), effect_names.end(), text);
  if (at == effect_names.end()) return std::nullopt;
  return static_cast<SideEffects>(at - effect_names.begin());
}

tl::expected<Tool, FieldErrors> parse_tool(std::string_view name, std::string_view text) {
  if (!is_name(name)) return tl::unexpected(FieldErrors{{"", name_rule}});
  const auto json = parse_strict_json(text, Comments::accept);
  if (!json) return tl::unexpected(json.error());
  FieldErrors errors;
  Tool tool;
  tool.name = name;
  tool.text = text;
  ObjectReader document(*json, "", errors);
  read_identity(document, tool);
  read_what_runs(document, tool, errors);
  read_schemas(document, tool, errors);
  read_effects(document, tool);
  read_words(document, "resources", tool.resources);
  read_words(document, "data_classes", tool.data_classes);
  std::string trust = "untrusted";
  document.optional("trust", trust);
  if (trust != "untrusted" && trust != "inherent") document.error("trust", "must be untrusted or inherent");
  tool.untrusted = trust != "inherent";
  read_files(document, tool, errors);
  if (const Json* limits = document.find("limits")) tool.limits = *limits;
  read_egress_asks(document, tool, errors);
  read_allowance(document, tool.allowance, errors);
  read_health(document, tool, errors);
  read_compensation(document, tool, errors);
  document.refuse_unknown_keys();
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return tool;
}

bool happens_once(const Tool& tool) {
  return !tool.idempotent && tool.side_effects >= SideEffects::irreversible;
}

}  // namespace cordon
