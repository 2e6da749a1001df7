// Promise (issue 8): the JSON Schemas that editors use know what the parsers know: every key, every bound.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "profiles/config.hpp"
#include "profiles/profile.hpp"
#include "profiles/tool.hpp"
#include "tests/unit/json_schema.hpp"

using namespace cordon;
using nlohmann::json;

namespace {

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(CORDON_SOURCE_DIR "/" + file).rdbuf();
  return std::move(text).str();
}

json read(const std::string& file) {
  return json::parse(text_of(file), nullptr, true, true);
}

const json& resolved(const json& schema, const json& root) {
  if (!schema.contains("$ref")) return schema;
  return root.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
}

using Visit = std::function<void(const std::string& pointer, const json& schema, const json& document)>;

// Each place that the schema knows, with a document that has `value` there: `wrap` makes it from the value.
void walk(const json& unresolved, const json& root, const std::string& pointer, const std::function<json(json)>& wrap,
          const Visit& visit) {
  const auto& schema = resolved(unresolved, root);
  if (!pointer.empty()) visit(pointer, schema, wrap(nullptr));
  for (const auto& one : schema.value("anyOf", json::array())) {
    if (one.contains("properties"))
      walk(one, root, pointer, wrap, [&](const auto& p, const auto& s, const auto& d) {
        if (p != pointer) visit(p, s, d);
      });
  }
  const auto below = [&](const std::string& name, const json& inner) {
    walk(
        inner, root, pointer + "/" + name,
        [=](json value) {
          return wrap(json{{name, std::move(value)}});
        },
        visit);
  };
  const auto properties = schema.value("properties", json::object());
  for (const auto& [name, inner] : properties.items()) below(name, inner);
  if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
    below("python", schema["additionalProperties"]);
  if (schema.contains("items"))
    walk(
        schema["items"], root, pointer + "/0", [=](json value) { return wrap(json::array({std::move(value)})); },
        visit);
}

using Parse = std::function<FieldErrors(const json&)>;

std::string complaint_at(const FieldErrors& errors, const std::string& pointer) {
  for (const auto& error : errors)
    if (error.pointer == pointer || pointer.starts_with(error.pointer + "/")) return error.detail;
  return "";
}

FieldErrors errors_of_config(const json& document) {
  const auto config = parse_config(document.dump());
  return config ? FieldErrors{} : config.error();
}

FieldErrors errors_of_profile(const json& changes) {
  auto document = read("profiles/data/default.json");
  for (const auto& [key, value] : changes.items()) document[key] = value;
  const auto profile = parse_profile("x", document.dump(), [](std::string_view name) {
    return std::optional(text_of("profiles/data/" + std::string(name)));
  });
  return profile ? FieldErrors{} : profile.error();
}

FieldErrors errors_of_tool(const json& changes) {
  json document = {{"version", "1"},
                   {"owner", "o"},
                   {"why", "w"},
                   {"argv", {"prog"}},
                   {"input", {{"type", "object"}}},
                   {"side_effects", "read_only"}};
  for (const auto& [key, value] : changes.items()) document[key] = value;
  const auto tool = parse_tool("t", document.dump());
  return tool ? FieldErrors{} : tool.error();
}

// null is of no type that we have: the parser must miss the type there, and never the key.
void expect_known_keys(const json& schema, const Parse& parse) {
  unsigned places = 0;
  walk(
      schema, schema, "", [](json value) { return value; },
      [&](const auto& pointer, const auto& there, const json& document) {
        if (test::violation(nullptr, there, schema).empty()) return;  // null may stand there
        const auto said = complaint_at(parse(document), pointer);
        INFO(pointer << " in " << document.dump() << ": " << said);
        CHECK_FALSE(said.empty());
        CHECK(said != "is not a known key");
        ++places;
      });
  CHECK(places > 20);
}

}  // namespace

TEST_CASE("every key of the configuration's schema is one that the parser knows") {
  expect_known_keys(read("profiles/schemas/cordon.schema.json"), errors_of_config);
}

TEST_CASE("every key of the profiles' schema is one that the parser knows") {
  expect_known_keys(read("profiles/schemas/profile.schema.json"), errors_of_profile);
}

TEST_CASE("every key of the tools' schema is one that the parser knows, and what docs/tools.md shows fits it") {
  const auto schema = read("profiles/schemas/tool.schema.json");
  const auto outside = [&](json changes) { return complaint_at(errors_of_tool(changes), "/limits/memory_bytes"); };
  CHECK(outside({{"limits", {{"memory_bytes", nullptr}}}}).empty());  // limits are the profile's to judge
  auto without_limits = schema;
  without_limits["properties"].erase("limits");
  expect_known_keys(without_limits, errors_of_tool);
  const auto grants = schema["properties"]["egress"]["anyOf"][1]["items"]["properties"];
  for (const auto& [key, one] : grants.items()) {
    const json document = {{"egress", json::array({{{key, nullptr}}})}};
    INFO(document.dump());
    CHECK_FALSE(complaint_at(errors_of_tool(document), "/egress/0/" + key).empty());
    CHECK(complaint_at(errors_of_tool(document), "/egress/0/" + key) != "is not a known key");
  }
  const auto page = text_of("docs/tools.md");
  const auto at = page.find("```json\n{\n  \"version\"");
  REQUIRE(at != page.npos);
  auto shown = page.substr(at + 8, page.find("```", at + 8) - at - 8);
  for (auto gap = shown.find("…"); gap != shown.npos; gap = shown.find("…"))
    shown.replace(gap, std::string_view("…").size(), std::string(64, 'a'));
  CHECK(test::violation(json::parse(shown), schema, schema) == test::no_violation);
  CHECK_FALSE(test::violation({{"egress", {{{"nane", "x"}}}}}, {{"properties", schema["properties"]}}, schema).empty());
}

TEST_CASE("the schema of the configuration takes what docs/operations.md shows, and not a key more") {
  const auto schema = read("profiles/schemas/cordon.schema.json");
  const auto page = text_of("docs/operations.md");
  unsigned blocks = 0;
  for (auto at = page.find("```json\n"); at != page.npos; at = page.find("```json\n", at + 1), ++blocks) {
    const auto text = page.substr(at + 8, page.find("```", at + 8) - at - 8);
    INFO(text);
    CHECK(test::violation(json::parse(text, nullptr, true, true), schema, schema).empty());
  }
  CHECK(blocks >= 3);
  CHECK(test::violation({{"max_runing", 3}}, schema, schema) == "/max_runing is not known");
  CHECK(test::violation({{"max_running", 0}}, schema, schema) == "/max_running is too small");
}

TEST_CASE("the schema of profiles takes every profile that is shipped") {
  const auto schema = read("profiles/schemas/profile.schema.json");
  unsigned profiles = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CORDON_SOURCE_DIR "/profiles/data")) {
    const auto name = entry.path().filename().string();
    if (name.ends_with(".seccomp.json")) continue;
    INFO(name);
    CHECK(test::violation(read("profiles/data/" + name), schema, schema) == test::no_violation);
    ++profiles;
  }
  CHECK(profiles >= 4);
  CHECK_FALSE(test::violation({{"why", "x"}}, schema, schema).empty());
}
