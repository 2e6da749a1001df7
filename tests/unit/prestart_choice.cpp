// Which jobs cordond gives to an interpreter that waits.
#include <catch2/catch.hpp>

#include "sandbox/prestart/prestart.hpp"
#include "supervisor/warm/prestart_choice.hpp"

using namespace cordon;

namespace {

Profile a_profile() {
  Profile profile;
  profile.env = {{"HOME", "/work"}, {"PATH", "/bin"}};
  profile.prestart = {{"node", {}}, {"python", {}}};
  profile.defaults.memory_bytes = 64 << 20;
  profile.defaults.pids = 64;
  profile.defaults.open_files = 256;
  return profile;
}

const WarmRule both{2, 8, "host", {{"node", {}}, {"python", {}}}};

std::string choice(const Payload& job, std::uint64_t bytes = 100, const Limits& limits = a_profile().defaults,
                   const WarmRule& rule = both, const Profile& profile = a_profile()) {
  return choose_prestart(offers_of(profile, rule), job, bytes, limits);
}

Payload job(std::vector<std::string> argv) {
  return {std::move(argv), {"HOME=/work", "PATH=/bin"}, ".", {{"main.js", 0644, ""}}};
}

}  // namespace

TEST_CASE("a job is given to the interpreter that it names, if that may take it") {
  CHECK(choice(job({"python3", "-c", "pass"})) == "python");
  CHECK(choice(job({"node", "main.js"})) == "node");
  CHECK(choice(job({"node", "other.js"})).empty());
  CHECK(choice(job({"bash", "-c", ":"})).empty());
  auto other = job({"python3", "-c", "pass"});
  other.env[1] = "PATH=/usr/bin";
  CHECK(choice(other).empty());
  other = job({"python3", "main.py"});
  other.files.push_back({"main.py", 0644, "open('/proc/self/environ')"});
  CHECK(choice(other).empty());
}

TEST_CASE("a job is given to no interpreter that there are no rules for, nor one with too much input") {
  const auto python = job({"python3", "-c", "pass"});
  CHECK(choice(python, prestart::max_input) == "python");
  CHECK(choice(python, prestart::max_input + 1).empty());
  CHECK(choice(python, 100, a_profile().defaults, {2, 8, "host", {{"node", {}}}}).empty());
  CHECK(choose_prestart({}, python, 100, {}).empty());
}

TEST_CASE("what a profile has imported makes every variable count") {
  auto profile = a_profile();
  auto python = job({"python3", "-c", "pass"});
  python.env.push_back("TOKEN=x");
  CHECK(choice(python) == "python");
  profile.prestart["python"].imports = {"json"};
  CHECK(choice(python, 100, profile.defaults, both, profile).empty());
}

TEST_CASE("node is not given a job with other limits") {
  auto limits = a_profile().defaults;
  limits.memory_bytes *= 2;
  CHECK(choice(job({"node", "main.js"}), 100, limits).empty());
  CHECK(choice(job({"python3", "-c", "pass"}), 100, limits) == "python");
}
