// A python that was held at its start does exactly what one started for the program does.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

#include "sandbox/prestart/eligible.hpp"
#include "tests/prestart/interpreter.hpp"

namespace cordon::prestart {
namespace {

TEST_CASE("a held python prints, returns and dies exactly as a fresh one") {
  const auto programs = load_programs(python);
  CHECK((programs.size() >= 300 || std::getenv("CORDON_TEST_PROGRAM") != nullptr));
  compare_all(python_image(), programs);
}

std::string shown(pid_t pid, const char* what) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + what, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

std::string joined(const std::vector<std::string>& strings) {
  std::string text;
  for (const auto& s : strings) text += s + '\0';
  text.pop_back();
  return text;
}

TEST_CASE("the kernel shows the job's arguments and environment, and nothing of how it was started") {
  const auto image = python_image();
  const Workspace workspace;
  Program program;
  program.argv = {"python3", "-c", "input()", "an argument"};
  program.env = {"ADDED=1"};
  Held held(image, workspace);
  REQUIRE(std::holds_alternative<Ready>(held.next_answer()));
  held.give(program, environment_of(image, program));
  REQUIRE(std::holds_alternative<Prepared>(held.next_answer()));
  CHECK(shown(held.pid(), "cmdline") == joined(program.argv));
  CHECK(shown(held.pid(), "environ") == joined(environment_of(image, program)));
}

std::string refusal(const Program& program, const std::string& imports = "") {
  const auto image = python_image();
  const Workspace workspace;
  const Held held(image, workspace, imports);
  auto answer = held.next_answer();
  if (std::holds_alternative<Ready>(answer)) {
    held.give(program, environment_of(image, program));
    answer = held.next_answer();
  }
  const auto* const declined = std::get_if<Declined>(&answer);
  const auto* const failed = std::get_if<Failed>(&answer);
  CHECK(std::filesystem::is_empty(workspace.path()) == (declined != nullptr));
  return declined != nullptr ? "declined: " + declined->reason : failed != nullptr ? failed->step : "";
}

Program command(const std::string& code) {
  Program program;
  program.argv = {"python3", "-c", code};
  program.files = {{"data/a", "1"}};
  return program;
}

TEST_CASE("what a held python would do otherwise than a fresh one it declines, and changes nothing") {
  const auto takes = command("pass");
  CHECK(refusal(takes).empty());
  for (const auto& argv : std::vector<std::vector<std::string>>{{"python3"},
                                                                {"python3", "-c"},
                                                                {"python3", "-"},
                                                                {"python3", "-m", "this"},
                                                                {"python3", "-u", "main.py"},
                                                                {"python3", "-cpass"},
                                                                {"python3", ""},
                                                                {"python3", "-Xdev", "-c", "pass"},
                                                                {"python", "-c", "pass"},
                                                                {"/usr/bin/python3", "-c", "pass"},
                                                                {"bash", "-c", "pass"}}) {
    auto program = takes;
    program.argv = argv;
    INFO(joined(argv));
    CHECK(refusal(program) == "declined: not -c CODE or FILE");
  }
  for (const char* variable : {"PYTHONHASHSEED=1", "PYTHONPATH=/work", "PYTHONUTF8=1", "PYTHONUNBUFFERED=", "LC_ALL=C",
                               "LC_CTYPE=C", "LD_PRELOAD=x", "TZ=UTC", "MALLOC_ARENA_MAX=1", "GLIBC_TUNABLES=x"}) {
    auto program = takes;
    program.env = {variable};
    INFO(variable);
    CHECK(refusal(program) == "declined: an environment that it was not started with");
  }
  auto program = takes;
  program.env = {"TOKEN=x", "USER=y", "PATHS=/nowhere", "A_TZ=b"};
  CHECK(refusal(program).empty());
  program = takes;
  program.files.emplace_back(".local/lib/python3.11/site-packages/usercustomize.py", "");
  CHECK(refusal(program) == "declined: files that are read while it starts");
  CHECK(refusal(command("#" + std::string(argument_room_bytes, 'x'))) ==
        "declined: more arguments or variables than there is room for");
  CHECK(refusal(command("open('/proc/self/cmdline')")) ==
        "declined: a program that may look at what the kernel shows of its start");
}

TEST_CASE("an environment with another value of what was read at the start is declined, or without it") {
  const Workspace workspace;
  const auto image = python_image();
  for (const char* dropped : {"PATH=", "HOME=", "LANG="}) {
    auto env = image.env;
    env.erase(std::find_if(env.begin(), env.end(), [&](const auto& v) { return v.rfind(dropped, 0) == 0; }));
    for (const bool other : {false, true}) {
      if (other) env.push_back(std::string(dropped) + "other");
      const Held held(image, workspace);
      REQUIRE(std::holds_alternative<Ready>(held.next_answer()));
      held.give(command("pass"), env);
      CHECK(std::holds_alternative<Declined>(held.next_answer()));
    }
  }
}

TEST_CASE("with imports of the profile, whatever they could have read or found is declined") {
  auto program = command("pass");
  CHECK(refusal(program, "json,xml.dom").empty());
  CHECK(refusal(program, "json,no_such_module") == "declined: an import of the profile fails");
  program.env = {"TOKEN=x"};
  CHECK(refusal(program, "json") == "declined: an environment that it was not started with");
  program = command("pass");
  for (const char* path : {"json.py", "json/__init__.py", "a/b/re.cpython-311-x86_64-linux-gnu.so", "json"}) {
    program.files = {{path, ""}};
    INFO(path);
    CHECK(refusal(program, "json") == "declined: files that an import would have found");
  }
  program.files = {{"app", std::string("PK\5\6\0", 5)}};
  CHECK(refusal(program, "json") == "declined: an archive that an import could have been found in");
  CHECK(refusal(program).empty());
  program.files = {{"os.py", ""}, {"jason.py", ""}};
  CHECK(refusal(program, "json").empty());
}

TEST_CASE("a python that changes its environment while it starts says so at once") {
  auto image = python_image();
  for (auto& variable : image.env)
    if (variable.starts_with("LANG=")) variable = "LANG=C";  // LC_CTYPE is set then (PEP 538)
  const Workspace workspace;
  const Held held(image, workspace);
  CHECK(std::get<Declined>(held.next_answer()).reason == "its start has changed its environment");
}

TEST_CASE("a file that cannot be written, and a payload that cannot be read, are told as cordon-init tells them") {
  auto program = command("pass");
  program.files = {{"a", ""}, {"a/b", ""}};
  CHECK(refusal(program) == "create workspace file");
  program.files = {{"a", ""}, {"a", ""}};
  CHECK(refusal(program) == "create workspace file");
  program.files = {{"a", ""}};
  program.cwd = "nowhere";
  CHECK(refusal(program) == "declined: a directory that none of its files is in");

  const Workspace workspace;
  const Held held(python_image(), workspace);
  REQUIRE(std::holds_alternative<Ready>(held.next_answer()));
  held.give_bytes("not a payload");
  CHECK(std::get<Failed>(held.next_answer()).step == "decode the payload");
}

TEST_CASE("a held python goes away with whoever holds it") {
  const Workspace workspace;
  for (const char* word : {"", "x"}) {
    auto held = std::make_optional<Held>(python_image(), workspace);
    REQUIRE(std::holds_alternative<Ready>(held->next_answer()));
    if (*word == '\0') {
      held.reset();  // waits for its end
      continue;
    }
    held->say(word);
    CHECK(held->wait().status == 1 << 8);
  }
}

TEST_CASE("what is not a python that can be held says so") {
  auto image = python_image();
  image.executable = "/bin/true";
  const Workspace workspace;
  const Held held(image, workspace);
  CHECK(std::get<Declined>(held.next_answer()).reason == "not an interpreter that can be held");
}

TEST_CASE("a program that runs away meets its bounds, and nothing of it is left") {
  const Workspace workspace;
  Program storm;
  storm.name = "storm";
  storm.argv = {"python3", "-c",
                "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n  print(os.getpid(), flush=True)"};
  storm.time = std::chrono::seconds(2);
  const auto before = std::chrono::steady_clock::now();
  const auto ended = run_fresh(python_image(), workspace, storm);
  CHECK(ended.ran_away);
  CHECK(ended.status == 9);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  std::istringstream said(ended.out);
  std::set<pid_t> pids{std::istream_iterator<pid_t>(said), {}};
  CHECK(pids.size() > 10);
  CHECK(pids.size() <= Bounds::processes + 1);
  for (const auto pid : pids) CHECK(shown(pid, "cmdline").empty());  // gone, or a zombie that its reaper has not seen
}

// What a less careful way would be: the comparison must find it out.
TEST_CASE("the comparison finds a python that runs the code by exec()") {
  const auto image = python_image();
  const Workspace workspace;
  int differ = 0;
  for (const auto& program : load_programs(python)) {
    if (program.argv[1] != "-c") continue;
    auto careless = program;
    careless.argv.insert(careless.argv.begin() + 2, "import sys; exec(sys.argv.pop(1))");
    const auto fresh = without_numbers_of_the_run(run_fresh(image, workspace, program));
    const auto other = run_fresh(image, workspace, careless);
    INFO(program.name);
    CHECK_FALSE(other.ran_away);
    differ += without_numbers_of_the_run(other) == fresh ? 0 : 1;
  }
  CHECK(differ >= 50);
}

}  // namespace
}  // namespace cordon::prestart
