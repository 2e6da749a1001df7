// Definitions of tools, what their input becomes, and the schemas that are taken. Pure.
#include "profiles/tool.hpp"

#include <catch2/catch.hpp>

#include "profiles/admission_rules.hpp"

using namespace cordon;

namespace {

Json least() {
  return {{"version", "1"},
          {"owner", "o"},
          {"why", "w"},
          {"argv", {"prog"}},
          {"input", {{"type", "object"}}},
          {"side_effects", "read_only"}};
}

Json with(const std::string& key, const Json& value) {
  auto definition = least();
  definition[key] = value;
  return definition;
}

// Where the first fault is; "": none.
std::string fault(const Json& definition) {
  const auto tool = parse_tool("t", definition.dump());
  return tool ? "" : tool.error().front().pointer + " " + tool.error().front().detail;
}

std::string schema_fault(const Json& schema) {
  const auto compiled = JsonSchema::compile(schema, "");
  return compiled ? "" : compiled.error().front().pointer;
}

std::vector<std::string> argv(const Json& arguments, const Json& input) {
  const auto tool = parse_tool("t", with("argv", arguments).dump());
  REQUIRE(tool);
  const auto made = substitute(tool->argv, input);
  if (made) return *made;
  return {"fault", made.error().front().pointer};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the least definition is a tool, and each thing that must be there is missed") {
  CHECK(fault(least()).empty());
  for (const char* key : {"version", "owner", "why", "argv", "input", "side_effects"}) {
    auto definition = least();
    definition.erase(key);
    CHECK(fault(definition) == "/" + std::string(key) + " is missing");
  }
}

TEST_CASE("what a definition says wrong is told where it stands") {
  CHECK(fault(with("sideeffects", "x")).starts_with("/sideeffects "));
  CHECK(fault(with("side_effects", "harmless")).starts_with("/side_effects "));
  CHECK(fault(with("name", "other")).starts_with("/name "));
  CHECK(fault(with("argv", Json::array())).starts_with("/argv "));
  CHECK(fault(with("argv", {{{"input", "/x"}}})).starts_with("/argv/0 "));
  CHECK(fault(with("argv", {"a", {{"input", "x"}}})).starts_with("/argv/1/input "));
  CHECK(fault(with("argv", {"a", {{"input", "/x"}, {"type", "int"}}})).starts_with("/argv/1/type "));
  CHECK(fault(with("argv", {"a", {"b", {{"each", "/x"}}}})).starts_with("/argv/1/1/"));
  CHECK(fault(with("script", {{"file", "../x"}, {"sha256", std::string(64, 'a')}})).starts_with("/script/file "));
  CHECK(fault(with("script", {{"file", "x"}, {"sha256", "A"}})).starts_with("/script/sha256 "));
  CHECK(fault(with("programs", {{"bin/x", std::string(64, 'a')}})).starts_with("/programs/bin~1x "));
  CHECK(fault(with("input", {{"type", "string"}})).starts_with("/input "));
  CHECK(fault(with("input", {{"type", "object"}, {"format", "x"}})).starts_with("/input/format "));
  CHECK(fault(with("output", {{"type", "nonsense"}})).starts_with("/output "));
  CHECK(fault(with("files_under", "../in")).starts_with("/files_under "));
  CHECK(fault(with("collect", {"../x"})).starts_with("/collect/0 "));
  CHECK(fault(with("rate", {{"jobs_per_second", 0}})).starts_with("/rate/jobs_per_second "));
  CHECK(fault(with("egress", "all")).starts_with("/egress "));
  CHECK(fault(with("egress", {{{"name", "a.example.com"}, {"prot", 443}}})).starts_with("/egress/0/prot "));
  CHECK(fault(with("egress", {{{"name", "*"}}})).starts_with("/egress/0/name "));
  CHECK(fault(with("egress", {{{"ports", {443}}}})).starts_with("/egress/0/name "));
  CHECK(
      fault(with("egress", {{{"name", "a.example.com"}, {"max_bytes_up", 0}}})).starts_with("/egress/0/max_bytes_up "));
  CHECK(fault(with("egress", {{{"name", "a.example.com"}, {"expires", "soon"}}})).starts_with("/egress/0/expires "));
  CHECK(fault(with("egress", Json(std::vector<Json>(65, {{"name", "a.example.com"}})))).starts_with("/egress "));
  CHECK(fault(with("health", {{"argv", Json::array()}})).starts_with("/health/argv "));
  CHECK(fault(with("compensation", {{"tool", "x"}, {"input", {{"a", {{"input", "/x"}, {"more", 1}}}}}}))
            .starts_with("/compensation/input/a "));
  CHECK(fault(with("owner", "a\nb")).starts_with("/owner "));
  CHECK_FALSE(parse_tool("../t", least().dump()));
}

TEST_CASE("a tool's network is asked for by names, and none of it, null and nothing at all are told apart") {
  const Json granted{{{"name", "a.example.com"}, {"ports", {443}}, {"expires", "2030-01-01T00:00:00Z"}}};
  CHECK(fault(with("egress", granted)).empty());
  CHECK_FALSE(parse_tool("t", least().dump())->egress);
  CHECK(parse_tool("t", with("egress", nullptr).dump())->egress.value().is_null());
  CHECK(parse_tool("t", with("egress", Json::array()).dump())->egress.value().empty());
}

TEST_CASE("what cannot be made twice is of a class from irreversible on, unless it is idempotent") {
  const auto once = [](const char* effects, bool idempotent) {
    auto definition = with("side_effects", effects);
    definition["idempotent"] = idempotent;
    return happens_once(*parse_tool("t", definition.dump()));
  };
  CHECK_FALSE(once("read_only", false));
  CHECK_FALSE(once("reversible", false));
  for (const char* effects : {"irreversible", "external", "financial", "administrative"}) {
    CHECK(once(effects, false));
    CHECK_FALSE(once(effects, true));
  }
}

TEST_CASE("a value is one argument, a part of one, or each of a list is one: and nothing else comes of it") {
  CHECK(argv({"p", {{"input", "/a"}}}, {{"a", "x; rm -rf / $(y) `z` \"'"}}) == Words{"p", "x; rm -rf / $(y) `z` \"'"});
  CHECK(argv({"p", {"--n=", {{"input", "/n"}, {"type", "integer"}}, "-"}}, {{"n", 5}}) == Words{"p", "--n=5-"});
  CHECK(argv({"p", {{"each", "/l"}}}, {{"l", {"a", "b c"}}}) == Words{"p", "a", "b c"});
  CHECK(argv({"p", {{"each", "/l"}}}, {{"l", Json::array()}}) == Words{"p"});
  CHECK(argv({"p", {{"input", "/gone"}, {"optional", true}}, "q"}, Json::object()) == Words{"p", "q"});
  CHECK(argv({"p", {"--x=", {{"input", "/gone"}, {"optional", true}}}}, Json::object()) == Words{"p"});
  CHECK(argv({"p", {{"input", "/a~1b/0"}}}, {{"a/b", {"x"}}}) == Words{"p", "x"});
  CHECK(argv({"p", {{"input", ""}, {"type", "json"}}}, {{"b", 1}, {"a", 2.50}}) == Words{"p", R"({"a":2.5,"b":1})"});
  CHECK(argv({"p", {{"input", "/t"}, {"type", "boolean"}}}, {{"t", true}}) == Words{"p", "true"});
}

TEST_CASE("a value of another type, a missing one, and one that looks like an option are refused where they stand") {
  CHECK(argv({"p", {{"input", "/a"}}}, {{"a", 1}}) == Words{"fault", "/a"});
  CHECK(argv({"p", {{"input", "/a"}, {"type", "integer"}}}, {{"a", 1.5}}) == Words{"fault", "/a"});
  CHECK(argv({"p", {{"input", "/a"}, {"type", "integer"}}}, {{"a", 2.0}}) == Words{"p", "2"});
  CHECK(argv({"p", {{"input", "/a"}}}, Json::object()) == Words{"fault", "/a"});
  CHECK(argv({"p", {{"input", "/a"}}}, {{"a", "-x"}}) == Words{"fault", "/a"});
  CHECK(argv({"p", {{{"input", "/e"}}, {{"input", "/a"}}}}, {{"e", ""}, {"a", "-x"}}) == Words{"fault", "/a"});
  CHECK(argv({"p", {{"each", "/l"}}}, {{"l", {"a", "--b"}}}) == Words{"fault", "/l/1"});
  CHECK(argv({"p", {"v=", {{"input", "/a"}}}}, {{"a", "-x"}}) == Words{"p", "v=-x"});
  CHECK(argv({"p", {{"input", "/a"}, {"may_begin_with_dash", true}}}, {{"a", "-x"}}) == Words{"p", "-x"});
  CHECK(argv({"p", {{"input", "/a"}, {"type", "number"}}}, {{"a", -1}}) == Words{"p", "-1"});
}

TEST_CASE("a schema with a keyword that nobody enforces is refused where it stands") {
  CHECK(schema_fault({{"type", "object"}}).empty());
  CHECK(schema_fault({{"properties", {{"a", {{"$ref", "#"}}}}}}) == "/properties/a/$ref");
  CHECK(schema_fault({{"items", {{"format", "date"}}}}) == "/items/format");
  CHECK(schema_fault({{"anyOf", {{{"default", 1}}}}}) == "/anyOf/0/default");
  CHECK(schema_fault({{"items", Json::array({Json::object()})}}) == "/items");
  CHECK(schema_fault({{"minimun", 1}}) == "/minimun");
  CHECK(schema_fault({{"$schema", "https://json-schema.org/draft/2020-12/schema"}}) == "/$schema");
}

TEST_CASE("a schema that an input could make slow is refused") {
  const auto pattern = [](const char* text, int length) {
    return schema_fault({{"type", "string"}, {"pattern", text}, {"maxLength", length}});
  };
  CHECK(pattern("^[a-z]+$", 1024).empty());
  CHECK(pattern("^[0-9]+\\.[0-9]+\\.[0-9]+$", 64).empty());
  CHECK(pattern("^[0-9]{4}-[0-9]{2}$", 1024).empty());
  CHECK(pattern("^(a+)+$", 30) == "/pattern");
  CHECK(pattern("^a|b$", 30) == "/pattern");
  CHECK(pattern("[a-z]+$", 30) == "/pattern");
  CHECK(pattern("^[a-z]*[a-z]*[a-z]*$", 128) == "/pattern");
  CHECK(pattern("^[a-z", 30) == "/pattern");
  CHECK(schema_fault({{"pattern", "^a"}}) == "/pattern");
  CHECK(schema_fault({{"anyOf", {{{"pattern", "^a"}, {"maxLength", 9}}}}}) == "/anyOf/0/pattern");
  CHECK(schema_fault({{"uniqueItems", true}}) == "/uniqueItems");
  CHECK(schema_fault({{"uniqueItems", true}, {"maxItems", 1000}}).empty());
}

TEST_CASE("a pattern is tried only on what is short enough for it, and then it holds") {
  const auto schema = JsonSchema::compile(
      {{"type", "object"}, {"properties", {{"a", {{"type", "string"}, {"maxLength", 64}, {"pattern", "^[a-z]+$"}}}}}},
      "");
  REQUIRE(schema);
  CHECK(schema->check({{"a", "abc"}}).empty());
  CHECK(schema->check({{"a", "Abc"}}).front().pointer == "/a");
  CHECK(schema->check({{"a", std::string(1'000'000, 'a')}}).front().pointer == "/a");
  CHECK(schema->check({{"b", std::string(1'000'000, 'a')}}).empty());
}

TEST_CASE("faults of a value are told by pointers into it, and there are not more than can be read") {
  const auto schema = JsonSchema::compile(
      {{"type", "array"},
       {"items", {{"type", "object"}, {"properties", {{"a/b", {{"type", "integer"}}}}}, {"required", {"a/b"}}}}},
      "");
  REQUIRE(schema);
  const auto faults = schema->check(Json::array({{{"a/b", "x"}}, {{"a/b", 1}}}), "/input");
  REQUIRE_FALSE(faults.empty());
  CHECK(std::any_of(faults.begin(), faults.end(), [](const auto& f) { return f.pointer == "/input/0/a~1b"; }));
  Json many = Json::array();
  for (int i = 0; i < 500; ++i) many.push_back(Json::object());
  CHECK(schema->check(many).size() == 16);
}

TEST_CASE("what two rules allow is the lower of both") {
  Allowance a, b;
  a.max_running = 3;
  b.max_running = 2;
  b.max_queued = 5;
  a.rate = Rate{500, 1};
  b.rate = Rate{300, 4};
  a.budgets = {{Resource::jobs, Window::hour, 10}};
  b.budgets = {{Resource::jobs, Window::hour, 7}, {Resource::cpu, Window::day, 9}};
  const auto both = meet(a, b);
  CHECK(both.max_running == 2U);
  CHECK(both.max_queued == 5U);
  CHECK(both.rate == Rate{300, 1});
  CHECK(both.budgets == std::vector<BudgetRule>{{Resource::jobs, Window::hour, 7}, {Resource::cpu, Window::day, 9}});
}
