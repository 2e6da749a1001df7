// Promise (issue 8, 3): `cordon doctor` looks at each need of the host and of the instance, says what it has not
// tested, and monitoring can go by its exit status.
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

class Examined {
 public:
  explicit Examined(const Instance& cordon, std::vector<std::string> options = {}) {
    const auto log = cordon.directory() + "/doctor.log";
    std::filesystem::remove(log);
    std::vector<std::string> words{CORDON_BIN_DIR "/cordon",
                                   "--runtime-dir",
                                   cordon.runtime_dir(),
                                   "doctor",
                                   "--config",
                                   cordon.directory() + "/cordon.json",
                                   "--state-dir",
                                   cordon.directory() + "/state",
                                   "--json"};
    words.insert(words.end(), options.begin(), options.end());
    Process process(words, log, false);
    const auto status = process.wait(at_test_speed(60s));
    REQUIRE(status);
    REQUIRE(WIFEXITED(*status));
    code_ = WEXITSTATUS(*status);
    said_ = Json::parse(read_text(log));
    INFO(said_.dump(2));
    CHECK(said_.at("exit_code") == code_);
    CHECK(code_ == code_of_findings());
  }

  int code() const { return code_; }
  const Json& row(const std::string& name) const {
    const auto& all = said_.at("findings");
    const auto found = std::find_if(all.begin(), all.end(), [&](const Json& one) { return one.at("name") == name; });
    INFO(name << " in " << said_.dump(2));
    REQUIRE(found != all.end());
    return *found;
  }
  std::string verdict(const std::string& name) const { return row(name).at("verdict"); }

 private:
  bool any(const char* verdict, const char* weight) const {
    const auto& all = said_.at("findings");
    return std::any_of(all.begin(), all.end(),
                       [&](const Json& one) { return one.at("verdict") == verdict && one.at("weight") == weight; });
  }
  // As cordon-doctor(1) has it.
  int code_of_findings() const {
    if (any("missing", "needed")) return 2;
    if (any("not tested", "needed")) return 3;
    return any("missing", "useful") ? 1 : 0;
  }

  int code_ = -1;
  Json said_;
};

}  // namespace

TEST_CASE("the doctor has a row for each need, with why it matters and what mends it") {
  const Instance cordon;
  const Examined doctor(cordon);
  for (const char* need : {"kernel.version",
                           "kernel.namespaces",
                           "kernel.namespaces_made",
                           "distribution.userns",
                           "distribution.lsm",
                           "kernel.seccomp",
                           "kernel.landlock",
                           "kernel.clone3",
                           "kernel.openat2",
                           "kernel.overlay",
                           "kernel.erofs",
                           "kernel.loop",
                           "cgroups.layout",
                           "cgroups.delegation",
                           "cgroups.kill",
                           "cgroups.swap",
                           "nftables",
                           "ids.free",
                           "sysctl.user.max_user_namespaces",
                           "sysctl.user.max_net_namespaces",
                           "sysctl.kernel.pid_max",
                           "disk.state",
                           "memory.reserve",
                           "pids.reserve",
                           "clock.synchronised",
                           "tool.mkfs.erofs",
                           "config",
                           "versions",
                           "cordond",
                           "evidence",
                           "oom.order",
                           "kill_switch",
                           "egress",
                           "canary"}) {
    const auto& row = doctor.row(need);
    for (const char* part : {"detail", "why", "remedy"}) {
      INFO(need << ": " << part);
      CHECK_FALSE(row.at(part).get<std::string>().empty());
    }
  }
  for (const char* fine :
       {"kernel.namespaces_made", "kernel.seccomp", "cgroups.layout", "cgroups.delegation", "cgroups.kill",
        "cgroups.swap", "config", "versions", "cordond", "evidence", "kill_switch", "canary"}) {
    INFO(doctor.row(fine).dump());
    CHECK(doctor.verdict(fine) == "found");
  }
}

TEST_CASE("the doctor does not call fine what is not, or what it has not tested") {
  Instance cordon;
  const Examined untried(cordon, {"--no-canary"});
  CHECK(untried.verdict("canary") == "not tested");
  CHECK(untried.code() >= 2);

  REQUIRE(call(cordon.operator_socket(), {.method = "PUT", .target = "/v1/kill/all", .body = R"({"reason": "drill"})"})
              .status == 200);
  const Examined engaged(cordon);
  CHECK(engaged.verdict("kill_switch") == "missing");
  CHECK(engaged.verdict("canary") == "not tested");
  CHECK(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/all"}).status == 200);

  REQUIRE(cordon.ledger().end(20s) == 0);
  REQUIRE(eventually([&] { return cordon.get("/v1/info").json().at("evidence").at("state") == "unavailable"; }));
  const Examined mute(cordon);
  CHECK(mute.verdict("evidence") == "missing");
  CHECK(mute.verdict("canary") == "missing");
  CHECK(mute.code() == 2);
  cordon.start_ledger();

  REQUIRE(cordon.daemon().end(20s) == 0);
  const Examined silent(cordon);
  CHECK(silent.code() == 2);
  CHECK(silent.verdict("cordond") == "missing");
  for (const char* unknown : {"versions", "evidence", "canary", "kill_switch", "egress"})
    CHECK(silent.verdict(unknown) == "not tested");
  std::ofstream(cordon.directory() + "/cordon.json") << R"({"max_runing": 3})";
  const Examined wrong(cordon);
  CHECK(wrong.verdict("config") == "missing");
  CHECK(wrong.row("config").at("detail").get<std::string>().find("/max_runing") != std::string::npos);
  std::filesystem::remove(cordon.directory() + "/cordon.json");
}
