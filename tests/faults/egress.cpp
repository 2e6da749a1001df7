#include "tests/faults/egress.hpp"

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

namespace fs = std::filesystem;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
}

// Where the wall can be tried with what it denies: a route leads there.
void enter_network() {
  check(::unshare(CLONE_NEWNET), "unshare the network");
  for (const char* step : {"link set lo up", "link add line type veth peer name far",
                           "address add 11.0.0.1/24 dev line", "link set line up", "route add default dev line"})
    run(std::string("ip ") + step);
}

// Profiles that every instance reads, away from this tree, which may stand in root's home.
class Profiles {
 public:
  Profiles() {
    if (::mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    fs::copy(CORDON_SOURCE_DIR "/profiles/data", directory_, fs::copy_options::recursive);
    auto profile = Json::parse(read_text(directory_ + "/default.json"));
    profile.erase("prestart");
    profile["egress"] = Json::array({{{"name", "*.example.com"}, {"ports", {443}}, {"mode", "passthrough"}},
                                     {{"name", "db.example.net"}, {"ports", {5432}}, {"mode", "raw"}},
                                     {{"cidr", "11.0.0.0/24"}, {"ports", {443, 8443}}, {"mode", "raw"}}});
    std::ofstream(directory_ + "/web.json") << profile.dump();
    for (const auto& entry : fs::recursive_directory_iterator(directory_))
      fs::permissions(entry.path(), fs::perms(0755));
    fs::permissions(directory_, fs::perms(0755));
  }
  ~Profiles() { fs::remove_all(directory_); }
  Profiles(const Profiles&) = delete;
  Profiles& operator=(const Profiles&) = delete;

  const std::string& directory() const { return directory_; }

 private:
  std::string directory_ = "/tmp/cordon-test-profiles-XXXXXX";
};

std::shared_ptr<void> start_egress(const Instance& cordon, const Json& job) {
  const auto uid = cordon.variable("EGRESS_UID");
  run(CORDON_BIN_DIR "/cordon-egress-wall --config " + cordon.directory() + "/cordon.json --instance " +
      cordon.variable("INSTANCE") + " --uid " + uid);
  const std::vector<std::string> command{CORDON_BIN_DIR "/cordon-egress",
                                         "--socket",
                                         cordon.runtime_dir() + "/egress.sock",
                                         "--watcher-uid",
                                         cordon.variable("DAEMON_UID"),
                                         "--uid",
                                         uid,
                                         "--gid",
                                         cordon.variable("EGRESS_GID"),
                                         "--resolver",
                                         "9.9.9.9"};
  auto egress = std::make_shared<Process>(command, cordon.directory() + "/egress.log", true);
  // cordond finds it by looking.
  if (!eventually([&] { return cordon.run(job).at("outcome").at("kind") == "exited"; }))
    throw std::runtime_error("no job with egress starts: " + cordon.run(job).dump());
  return egress;
}

}  // namespace

Setting with_egress() {
  static const Profiles profiles;
  enter_network();
  Setting setting;
  setting.config = {{"profile_dirs", Json::array({profiles.directory()})},
                    {"egress", {{"resolvers", Json::array({"9.9.9.9"})}}}};
  setting.job["profile"] = "web";
  setting.beside = [job = setting.job](const Instance& cordon) { return start_egress(cordon, job); };
  return setting;
}

}  // namespace cordon::test
