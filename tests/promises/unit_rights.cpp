// Promise (systemd/README.md): what cordon-launcher.service leaves the launcher is enough, and no more than that. The
// virtual machine sees it under systemd; this sees in seconds that the unit names each capability which a launch needs,
// and none that nothing needs.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/promises/warmth.hpp"

using namespace cordon::test;

namespace {

// What CapabilityBoundingSet= of the unit names, as setpriv(1) calls them: "sys_admin", ….
std::vector<std::string> capabilities_of_the_unit() {
  std::ifstream unit(CORDON_SOURCE_DIR "/systemd/cordon-launcher.service");
  std::vector<std::string> all;
  for (std::string line; std::getline(unit, line);) {
    const std::string key = "CapabilityBoundingSet=";
    if (!line.starts_with(key)) continue;
    std::istringstream names(line.substr(key.size()));
    for (std::string name; names >> name;) {
      REQUIRE(name.starts_with("CAP_"));
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      all.push_back(name.substr(4));
    }
  }
  return all;
}

std::vector<std::string> launcher_with(const std::vector<std::string>& capabilities) {
  std::string set = "-all";
  for (const auto& one : capabilities) set += ",+" + one;
  return {"/usr/bin/setpriv", "--no-new-privs", "--bounding-set", set, "--", CORDON_BIN_DIR "/cordon-launcher"};
}

// What no job without a special wish needs, and who does.
struct Special {
  const char* capability;
  const char* for_whom;
};
constexpr Special specials[] = {
    {"kill", "the collector of artifacts has the job's uid, and is killed when it does not end by itself"},
    {"net_bind_service", "name resolution of jobs with egress is at port 53"}};

bool is_special(const std::string& capability) {
  return std::any_of(std::begin(specials), std::end(specials),
                     [&](const auto& special) { return capability == special.capability; });
}

// "" when a job runs; otherwise what went wrong.
std::string trouble_without(const std::string& capability) {
  auto others = capabilities_of_the_unit();
  std::erase(others, capability);
  try {
    const Instance cordon(Json::object(), launcher_with(others));
    const auto outcome = cordon.run({{"argv", Json::array({"true"})}}).at("outcome");
    return outcome == Json({{"kind", "exited"}, {"code", 0}}) ? "" : outcome.dump();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

const Json well = {{"kind", "exited"}, {"code", 0}};

}  // namespace

TEST_CASE("the capabilities that the launcher's unit names are enough for jobs of every kind") {
  const auto capabilities = capabilities_of_the_unit();
  REQUIRE(std::find(capabilities.begin(), capabilities.end(), "sys_admin") != capabilities.end());
  const Instance cordon(with_prestarted(), launcher_with(capabilities));
  const auto script = [](const std::string& text) { return Json{{"argv", Json::array({"sh", "-c", text})}}; };
  auto job = script("umask 077; mkdir out; echo x >out/file");
  job["collect"] = Json::array({"out/*"});
  const auto collected = cordon.run(job);
  CHECK(collected.at("outcome") == well);
  CHECK(collected.at("artifacts").size() == 1);
  job = script("touch /changed && test \"$(id -u)\" = 0");
  job["profile"] = "root-inside";
  CHECK(cordon.run(job).at("outcome") == well);
  job = script("ulimit -n");
  job["profile"] = "compile";
  job["limits"] = {{"open_files", 16384}};
  CHECK(cordon.run(job).at("stdout") == "16384\n");
  CHECK(run_prestarted(cordon, python("print(6*7)")).at("stdout") == "42\n");
  job = script("sleep 60");
  job["limits"] = {{"wall_ms", 300}};
  CHECK(cordon.run(job).at("outcome").at("kind") == "timed_out");
  const auto running = cordon.submit(script("sleep 60")).at("id").get<std::string>();
  REQUIRE(cordon.reaches(running, "running"));
  const auto receipt =
      call(cordon.operator_socket(), {.method = "PUT", .target = "/v1/kill/all", .body = R"({"reason": "drill"})"});
  CHECK(receipt.json().at("survivors") == 0);
}

TEST_CASE("without any one of them no job runs, but for those that only special jobs need") {
  for (const auto& capability : capabilities_of_the_unit()) {
    const auto trouble = trouble_without(capability);
    INFO(capability << ": " << trouble);
    CHECK(trouble.empty() == is_special(capability));
  }
}
