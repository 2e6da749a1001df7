// Promise (sandbox/prestart): a python is held at its start, and takes a program, behind the walls of a sandbox.
#include <catch2/catch.hpp>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

TEST_CASE("a python can be held behind the default filter, and the kernel shows the command line that it is given") {
  const Instance cordon;
  auto job = python(read_text(CORDON_SOURCE_DIR "/tests/prestart/in_sandbox.py"));  // plays the launcher's part
  job["files"] = Json::array({upload("cordon-prestart.so", CORDON_BIN_DIR "/cordon-prestart-python.so")});
  const auto ended = cordon.run(job);
  INFO(ending_of(ended));
  const std::string code = "import sys; print(sys.argv, open('written').read()); sys.exit(7)";
  CHECK(ended.at("stdout") == "b'R'\nb'P'\n['python3', '-c', \"" + code + "\", 'x']\n['-c', 'x'] hi\n7\n");
  CHECK(ended.at("denials").empty());
}
