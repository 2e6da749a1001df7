// Whether a profile with many rules makes its jobs dearer.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "profiles/seccomp_policy.hpp"
#include "sandbox/launcher/filter.hpp"
#include "tests/bench/client.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;
using cordon::test::read_text;

namespace {

namespace fs = std::filesystem;
constexpr const char* shipped = CORDON_SOURCE_DIR "/profiles/data/";

Json read_json(const std::string& path) {
  return Json::parse(read_text(path), nullptr, true, true);
}

// A directory of profiles: the shipped ones, and the default one with so many rules more, each about one value of one
// argument, as the long ones are.
class Profiles {
 public:
  Profiles() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    fs::copy(shipped, path_, fs::copy_options::recursive);
    fs::permissions(path_, fs::perms(0755));
  }
  ~Profiles() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Profiles(const Profiles&) = delete;
  Profiles& operator=(const Profiles&) = delete;

  const std::string& path() const { return path_; }
  std::string add(unsigned rules) const {
    const auto name = fmt::format("rules{}", rules);
    auto profile = read_json(std::string(shipped) + "default.json");
    auto policy = read_json(std::string(shipped) + "default.seccomp.json");
    for (unsigned i = 0; i < rules; ++i) {
      const Json argument{{"index", 1}, {"value", 1'000'000 + i}, {"op", "SCMP_CMP_EQ"}};
      policy["syscalls"].push_back({{"names", {"ioctl"}}, {"action", "SCMP_ACT_ALLOW"}, {"args", {argument}}});
    }
    profile["seccomp"] = name + ".seccomp.json";
    std::ofstream(path_ + "/" + name + ".json") << profile.dump();
    std::ofstream(path_ + "/" + name + ".seccomp.json") << policy.dump();
    return name;
  }

 private:
  std::string path_ = "/tmp/cordon-bench-profiles-XXXXXX";
};

std::size_t instructions(const std::string& policy_file) {
  const auto policy = cordon::parse_seccomp_policy(read_text(policy_file));
  if (!policy) throw std::runtime_error(policy.error().at(0).detail);
  constexpr std::size_t instruction_bytes = 8;  // struct sock_filter
  return cordon::compile_filter(*policy).recording.size() / instruction_bytes;
}

}  // namespace

TEST_CASE("profile size") {
  const Profiles profiles;
  std::vector<std::string> names{"strict", "default"};
  for (const unsigned rules : {100U, 500U}) names.push_back(profiles.add(rules));
  const Instance cordon(cold(Json{{"profile_dirs", {profiles.path()}}}));
  Client client(cordon.agent_socket());
  const auto program = bare({"true"});
  std::vector<Contender> contenders{{"bare posix_spawn, no sandbox", "bare", [&](unsigned) { run(program); }}};
  for (const auto& name : names) {
    const auto policy = profiles.path() + "/" + name + ".seccomp.json";
    const auto body = Json{{"argv", {"true"}}, {"profile", name}, {"wait", true}}.dump();
    contenders.push_back({fmt::format("profile {}: {} KiB, {} BPF instructions", name, fs::file_size(policy) / 1024,
                                      instructions(policy)),
                          name, [&client, body](unsigned) { client.run(body); }});
  }
  print_heading("By the size of the profile",
                "`true` through the API, in sandboxes that are made when the job comes: the shipped profiles, and the "
                "default one with so many more rules on single values of an argument.");
  take_turns(contenders, {10, 20});
  print_contenders(contenders, "profile");
}
