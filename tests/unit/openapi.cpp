// Promise (issue 8): the description of the API and the daemon's table of routes have the same calls, and the
// description has no loose ends.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

using nlohmann::json;

namespace {

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(CORDON_SOURCE_DIR "/" + file).rdbuf();
  return std::move(text).str();
}

// "GET /v1/jobs/*/events": every parameter is one star.
std::set<std::string> described() {
  std::set<std::string> calls;
  const auto document = json::parse(text_of("docs/openapi.json"));
  for (const auto& [path, item] : document.at("paths").items())
    for (const auto& [method, call] : item.items()) {
      auto upper = method;
      for (auto& c : upper) c = static_cast<char>(std::toupper(c));
      calls.insert(upper + " " + std::regex_replace(path, std::regex("\\{[a-z]+\\}"), "*"));
    }
  return calls;
}

std::set<std::string> routed() {
  std::set<std::string> calls;
  const auto source = text_of("supervisor/http/routes.cpp");
  const std::regex route("Route\\{\"([A-Z]+)\", \"([^\"]+)\"");
  for (std::sregex_iterator at(source.begin(), source.end(), route), end; at != end; ++at)
    calls.insert((*at)[1].str() + " " + std::regex_replace((*at)[2].str(), std::regex("\\*\\*"), "*"));
  return calls;
}

void expect_references(const json& value, const json& root) {
  if (value.is_object() && value.contains("$ref"))
    CHECK_NOTHROW(root.at(json::json_pointer(value["$ref"].get<std::string>().substr(1))));
  if (value.is_structured())
    for (const auto& inner : value) expect_references(inner, root);
}

}  // namespace

TEST_CASE("the API's description has every route of the daemon, and no other") {
  const auto ours = routed();
  CHECK(ours.size() > 15);
  CHECK(described() == ours);
}

TEST_CASE("what the API's description refers to is there") {
  const auto document = json::parse(text_of("docs/openapi.json"));
  CHECK(document.at("openapi") == "3.1.0");
  expect_references(document, document);
}
