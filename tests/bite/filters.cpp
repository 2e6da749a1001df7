// Bite (issue "Containment, proven", must show): what a filter refuses, and what makes a careless one safe.
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;
using cordon::test::Instance;

namespace {

// The shipped profile, but for the rule on sockets, which is as Docker's was: every family, "not equal" to one.
class CarelessProfile {
 public:
  explicit CarelessProfile(const std::filesystem::path& directory) : directory_(directory / "profiles") {
    std::filesystem::copy(CORDON_SOURCE_DIR "/profiles/data", directory_);
    auto policy = Json::parse(cordon::test::read_text(file()));
    Json rules = Json::array();
    for (const auto& rule : policy.at("syscalls")) {
      const auto& names = rule.at("names");
      if (std::find(names.begin(), names.end(), "socket") == names.end()) rules.push_back(rule);
    }
    rules.push_back({{"names", {"socket"}},
                     {"action", "SCMP_ACT_ALLOW"},
                     {"args", Json::array({{{"index", 0}, {"value", AF_NETLINK}, {"op", "SCMP_CMP_NE"}}})}});
    policy["syscalls"] = rules;
    std::ofstream(file()) << policy.dump();
  }
  Json in(Json config) const {
    config["profile_dirs"] = Json::array({directory_.string()});
    return config;
  }

 private:
  std::string file() const { return directory_ / "default.seccomp.json"; }
  std::filesystem::path directory_;
};

const std::string killed_by_filter = R"({"kind":"signalled","signal":31,"name":"SIGSYS"})";

}  // namespace

TEST_CASE("a rule of a profile that says not equal does not let bit 32 through: it is narrowed",
          "[bite][threat:range-rules]") {
  const Ground ground;
  const CarelessProfile profile(ground.image().outside());
  const auto config = profile.in(ground.config());
  const auto plain = over("call", "netlink"), high = over("call", "netlink with bit 32");
  const Instance shipped(config);
  CHECK(verdict(shipped.run(plain)) == "held");
  CHECK(verdict(shipped.run(high)) == "held");
  const LeavingOut as_written(config, {Step::narrowing});
  as_written.leave_out(with({Step::narrowing}, what_notices));
  CHECK(verdict(as_written.cordon().run(plain)) == "held");
  CHECK(verdict(as_written.cordon().run(high)) == "GOT THROUGH");
}

TEST_CASE("a call of a foreign ABI ends its process: without the filter the kernel answers it",
          "[bite][threat:foreign-abi]") {
  const Ground ground;
  const auto job = over("abi");
  CHECK(verdict(Instance(ground.config()).run(job)) == killed_by_filter);
  const LeavingOut missing(ground.config());
  missing.leave_out(what_notices);
  CHECK(verdict(missing.cordon().run(job)) == killed_by_filter);
  missing.leave_out(with({Step::seccomp}, what_notices));
  CHECK(verdict(missing.cordon().run(job)) == "GOT THROUGH");
}
