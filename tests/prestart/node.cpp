// A node that was held when it first looked at its program does exactly what one started for the program does.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

#include "tests/prestart/interpreter.hpp"

namespace cordon::prestart {
namespace {

TEST_CASE("a held node prints, returns and dies exactly as a fresh one") {
  const auto programs = load_programs(node);
  CHECK((programs.size() >= 45 || std::getenv("CORDON_TEST_PROGRAM") != nullptr));
  compare_all(node_image(), programs);
}

std::string refusal(const Program& program) {
  const auto image = node_image();
  const Workspace workspace;
  const Held held(image, workspace);
  REQUIRE(std::holds_alternative<Ready>(held.next_answer()));
  held.give(program, environment_of(image, program));
  const auto answer = held.next_answer();
  const auto* const declined = std::get_if<Declined>(&answer);
  CHECK(std::filesystem::is_empty(workspace.path()) == (declined != nullptr));
  return declined == nullptr ? "" : declined->reason;
}

TEST_CASE("what a held node would do otherwise than a fresh one it declines, and changes nothing") {
  Program program;
  program.argv = {"node", "main.js"};
  program.files = {{"main.js", ""}};
  CHECK(refusal(program).empty());
  for (const char* variable :
       {"NODE_OPTIONS=--no-warnings", "TZ=UTC", "OPENSSL_CONF=x", "LD_PRELOAD=x", "UV_USE_IO_URING=1"}) {
    auto other = program;
    other.env = {variable};
    INFO(variable);
    CHECK(refusal(other) == "an environment that it was not started with");
  }
  for (const auto& argv : std::vector<std::vector<std::string>>{
           {"node"}, {"node", "main.js", "x"}, {"node", "other.js"}, {"node", "-e", "0"}, {"node", "./main.js"}}) {
    auto other = program;
    other.argv = argv;
    CHECK(refusal(other) == "not the arguments it was started with");
  }
  auto other = program;
  other.files.emplace_back("data/x", "");
  other.cwd = "data";
  CHECK(refusal(other) == "another directory than it was started in");
  other = program;
  other.files[0].second = "require('fs').readFileSync('/proc/self/environ')";
  CHECK(refusal(other) == "a program that may look at what the kernel shows of its start");
}

TEST_CASE("a held node goes away with whoever holds it") {
  const Workspace workspace;
  auto held = std::make_optional<Held>(node_image(), workspace);
  REQUIRE(std::holds_alternative<Ready>(held->next_answer()));
  held.reset();  // waits for its end
  CHECK(std::filesystem::is_empty(workspace.path()));
}

}  // namespace
}  // namespace cordon::prestart
