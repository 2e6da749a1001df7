// Promise (systemd/README.md): what cordon-launcher.service leaves the launcher is enough. The virtual machine sees it
// under systemd; this sees in a second that the unit names each capability which a launch needs.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// What CapabilityBoundingSet= of the unit names, as setpriv(1) wants it: "-all,+sys_admin,…".
std::string bounding_set_of_the_unit() {
  std::ifstream unit(CORDON_SOURCE_DIR "/systemd/cordon-launcher.service");
  std::string all = "-all";
  for (std::string line; std::getline(unit, line);) {
    const std::string key = "CapabilityBoundingSet=";
    if (!line.starts_with(key)) continue;
    std::istringstream names(line.substr(key.size()));
    for (std::string name; names >> name;) {
      REQUIRE(name.starts_with("CAP_"));
      all += ",+" + name.substr(4);
    }
  }
  for (auto& c : all) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return all;
}

Json outcome_with(const std::string& bounding_set) {
  const Instance cordon(Json::object(), {"/usr/bin/setpriv", "--no-new-privs", "--bounding-set", bounding_set, "--",
                                         CORDON_BIN_DIR "/cordon-launcher"});
  return cordon.run({{"argv", Json::array({"true"})}}).at("outcome");
}

}  // namespace

TEST_CASE("the capabilities that the launcher's unit names are enough for a job") {
  const auto bounding_set = bounding_set_of_the_unit();
  INFO(bounding_set);
  CHECK(bounding_set.find("+sys_admin") != std::string::npos);
  CHECK(outcome_with(bounding_set) == Json({{"kind", "exited"}, {"code", 0}}));
}
