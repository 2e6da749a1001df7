// A python that was held at its start does exactly what one started for the program does.
#include <catch2/catch.hpp>

#include <iostream>

#include "tests/prestart/interpreter.hpp"

namespace cordon::prestart {
namespace {

// CORDON_TEST_PYTHON names another one.
Image image_under_test() {
  Image image;
  if (const char* const other = std::getenv("CORDON_TEST_PYTHON")) image.executable = other;
  return image;
}

bool is_wanted(const Program& program) {
  const char* const only = std::getenv("CORDON_TEST_PROGRAM");
  return only == nullptr || program.name.find(only) != std::string::npos;
}

TEST_CASE("a held python prints, returns and dies exactly as a fresh one") {
  const auto image = image_under_test();
  const Workspace workspace;
  const auto programs = load_programs(CORDON_PROGRAMS);
  REQUIRE(programs.size() >= 120);
  for (const auto& program : programs) {
    if (!is_wanted(program)) continue;
    INFO(program.name);
    const auto fresh = without_addresses(run_fresh(image, workspace, program));
    const auto held = run_held(image, workspace, program);
    REQUIRE(held);
    CHECK(without_addresses(*held) == fresh);
    if (std::getenv("CORDON_TEST_SHOW") != nullptr) std::cout << program.name << ": " << fresh << '\n';
  }
}

// What a less careful way would be: the comparison must find it out.
TEST_CASE("the comparison finds a python that runs the code by exec()") {
  const auto image = image_under_test();
  const Workspace workspace;
  int differ = 0;
  for (const auto& program : load_programs(CORDON_PROGRAMS)) {
    if (program.argv[1] != "-c" || !is_wanted(program)) continue;
    auto careless = program;
    careless.argv.insert(careless.argv.begin() + 2, "import sys; exec(sys.argv.pop(1))");
    const auto fresh = without_addresses(run_fresh(image, workspace, program));
    differ += without_addresses(run_fresh(image, workspace, careless)) == fresh ? 0 : 1;
  }
  CHECK(differ >= 50);
}

}  // namespace
}  // namespace cordon::prestart
