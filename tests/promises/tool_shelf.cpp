#include "tests/promises/tool_shelf.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "profiles/sha256.hpp"

namespace cordon::test {

ToolShelf::ToolShelf() {
  std::string form = "/tmp/cordon-tools-XXXXXX";
  REQUIRE(::mkdtemp(form.data()) != nullptr);
  path_ = form;
  REQUIRE(::chmod(path_.c_str(), 0755) == 0);
}

ToolShelf::~ToolShelf() {
  std::error_code none;
  std::filesystem::remove_all(path_, none);
}

void ToolShelf::write(const std::string& file, const std::string& bytes) const {
  const auto path = path_ + "/" + file;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
}

void ToolShelf::put(const std::string& name, const Json& definition, const std::string& script) const {
  Json whole = {{"version", "1"},
                {"owner", "tests@example.org"},
                {"why", "a tool for a test"},
                {"argv", Json::array({"printf", "%s", {{"input", "/text"}}})},
                {"input",
                 {{"type", "object"},
                  {"properties", {{"text", {{"type", "string"}}}}},
                  {"required", {"text"}},
                  {"additionalProperties", false}}},
                {"side_effects", "read_only"}};
  if (!script.empty()) {
    write(name + ".py", script);
    whole["script"] = {{"file", name + ".py"}, {"sha256", hex(sha256(script))}};
  }
  for (const auto& [key, value] : definition.items()) whole[key] = value;
  write(name + ".json", whole.dump(2));
}

Json ToolShelf::config(Json config) const {
  config["tool_dirs"] = Json::array({path_});
  return config;
}

void put_python(const ToolShelf& shelf, const std::string& name, const std::string& code, Json definition) {
  Json whole = {{"argv", Json::array({"python3", name + ".py"})}, {"stdin", "input"}, {"input", {{"type", "object"}}}};
  for (const auto& [key, value] : definition.items()) whole[key] = value;
  shelf.put(name, whole, "import json, sys\ni = json.load(sys.stdin)\n" + code);
}

Answer call_tool(const Instance& cordon, const std::string& name, const Json& body, std::vector<std::string> headers) {
  headers.emplace_back("Content-Type: application/json");
  return cordon.request(
      {.method = "POST", .target = "/v1/tools/" + name + "/calls", .body = body.dump(), .headers = headers});
}

Json called(const Instance& cordon, const std::string& name, const Json& input) {
  const auto answer = call_tool(cordon, name, {{"input", input}, {"wait", true}});
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json();
}

Answer operate(const Instance& cordon, const std::string& method, const std::string& target, const Json& body) {
  return call(cordon.operator_socket(),
              {.method = method, .target = target, .body = body.dump(), .headers = {"Content-Type: application/json"}});
}

}  // namespace cordon::test
