// The kill switch without a cordond: scopes, who is in them, what is engaged, and what of it a restart finds.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "supervisor/kill/kill_file.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

const Membership member{"a", "uid:1", "grep", "default", "0192-ab", "d1"};
const WallTime noon{std::chrono::milliseconds(1'700'000'000'123)};

Scope scope(std::string_view text) {
  const auto parsed = parse_scope(text);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("a scope is a word, or a word and a name, and prints as it was written") {
  for (const char* text : {"all", "tenant/a", "actor/uid:1000", "tool/x.y", "profile/strict", "job/0192-ab", "drill/z"})
    CHECK(to_string(scope(text)) == text);
  for (const char* text : {"", "All", "all/", "all/x", "tenant", "tenant/", "tenant/a/b", "tenant/a b",
                           "tenant/\xc3\xa4", "nobody/x", "/x", "actor/\n"})
    CHECK_FALSE(parse_scope(text));
  CHECK(parse_scope("tenant/" + std::string(128, 'a')));
  CHECK_FALSE(parse_scope("tenant/" + std::string(129, 'a')));
}

TEST_CASE("a job is in the scopes of all that it belongs to, and in no other", "[threat:kill-latch]") {
  for (const char* text : {"all", "tenant/a", "actor/uid:1", "tool/grep", "profile/default", "job/0192-ab", "drill/d1"})
    CHECK(contains(scope(text), member));
  for (const char* text : {"tenant/b", "actor/uid:10", "tool/a", "profile/a", "job/0192-ac", "drill/a"})
    CHECK_FALSE(contains(scope(text), member));
  const Membership toolless{"a", "uid:1", "", "default", "", ""};
  CHECK_FALSE(contains({Scope::Kind::tool, ""}, toolless));
  CHECK_FALSE(contains({Scope::Kind::job, ""}, toolless));
}

TEST_CASE("engaged is engaged until it is released, each time with a new generation", "[threat:kill-latch]") {
  KillSwitch state;
  CHECK_FALSE(state.engaged_for(member));
  const auto first = state.generation();
  state.engage(scope("tenant/a"), "uid:0", "why", noon);
  CHECK(state.generation() == first + 1);
  REQUIRE(state.engaged_for(member));
  CHECK(to_string(state.engaged_for(member)->scope) == "tenant/a");
  CHECK_FALSE(state.engaged_for({"b", "uid:1", "", "default", "", ""}));
  state.engage(scope("all"), "uid:0", "worse", noon);
  CHECK(state.engaged_for(member)->reason == "worse");  // the broadest is named
  CHECK(state.release(scope("all")));
  CHECK(state.engaged_for(member)->reason == "why");
  CHECK(state.release(scope("tenant/a")));
  CHECK_FALSE(state.engaged_for(member));
  CHECK(state.generation() == first + 2);
}

TEST_CASE("engaging twice keeps who was first: releasing what is not engaged does nothing") {
  KillSwitch state;
  const auto first = state.engage(scope("all"), "uid:1", "one", noon);
  const auto second = state.engage(scope("all"), "uid:2", "two", noon + std::chrono::hours(1));
  CHECK(second.by == "uid:1");
  CHECK(second.reason == "one");
  CHECK(second.engaged_at == noon);
  CHECK(second.generation == first.generation + 1);
  CHECK(state.engaged().size() == 1);
  CHECK(state.release(scope("all")));
  CHECK_FALSE(state.release(scope("all")));
  CHECK_FALSE(state.release(scope("tenant/a")));
}

TEST_CASE("what is engaged comes back from its file as it was", "[threat:kill-latch]") {
  const Directory directory;
  const auto file = directory.path + "/kill.json";
  CHECK(load_kill_switch(file).engaged().empty());  // there is none yet
  KillSwitch state;
  state.engage(scope("tenant/a"), "uid:0", "\"quoted\" \xc3\xa4 \\", noon);
  state.engage(scope("all"), "uid:7", "all", noon + std::chrono::seconds(1));
  save_kill_switch(file, state);
  const auto back = load_kill_switch(file);
  CHECK(back.engaged() == state.engaged());
  CHECK(back.generation() == state.generation());
  CHECK(back.engaged().front().engaged_at == noon);
  CHECK_FALSE(std::filesystem::exists(file + ".new"));
  state.release(scope("all"));
  save_kill_switch(file, state);
  CHECK(load_kill_switch(file).engaged().size() == 1);
}

TEST_CASE("a kill file that was cut short, changed or made unreadable is never taken for an empty one",
          "[threat:kill-latch]") {
  KillSwitch state;
  state.engage(scope("tenant/a"), "uid:0", "why", noon);
  const auto good = kill_switch_text(state);
  REQUIRE(parse_kill_switch(good).engaged() == state.engaged());
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    INFO("cut to " << size << " of " << good.size());
    CHECK_THROWS_AS(parse_kill_switch(good.substr(0, size)), KernelError);
  }
  for (
      const char* bad :
      {"[]", "null", R"({"generation": 1})", R"({"engaged": []})", R"({"generation": 0, "engaged": []})",
       R"({"generation": 1, "engaged": {}})", R"({"generation": 1, "engaged": [1]})",
       R"({"generation": 1, "engaged": [], "more": 1})",
       R"({"generation": 1, "engaged": [{"scope": "nobody/x", "generation": 1, "engaged_at_ms": 1, "by": "b", "reason": "r"}]})"})
    CHECK_THROWS_AS(parse_kill_switch(bad), KernelError);
  const Directory directory;
  std::filesystem::create_directory(directory.path + "/kill.json");
  CHECK_THROWS_AS(load_kill_switch(directory.path + "/kill.json"), KernelError);
}

TEST_CASE("a file that cannot be written leaves the one before it whole") {
  const Directory directory;
  const auto file = directory.path + "/kill.json";
  KillSwitch state;
  state.engage(scope("tenant/a"), "uid:0", "why", noon);
  save_kill_switch(file, state);
  std::filesystem::create_directory(file + ".new");  // stands in the way, for root too
  state.engage(scope("all"), "uid:0", "why", noon);
  CHECK_THROWS_AS(save_kill_switch(file, state), KernelError);
  CHECK(load_kill_switch(file).engaged().size() == 1);
}
