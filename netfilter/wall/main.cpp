// cordon-egress-wall: loads the packet filter behind cordon-egress, once, and ends.
//
// A oneshot beside the launcher, as root with CAP_NET_ADMIN. It reads root-owned configuration and profiles, no byte of
// a client: whose sockets are meant, which ports any profile grants, which resolvers there are. From these and the one
// table of denied addresses that cordon-egress itself looks at, it writes one nftables table of its own and replaces it
// in one transaction. Run it again when profiles with "egress" change; --check says whether that is due. Whether the
// wall stands is not believed: the launcher tries it for each job (sandbox/launcher/egress_wall.hpp).
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "netfilter/wall/kernel_table.hpp"
#include "netfilter/wall/ruleset.hpp"
#include "profiles/config.hpp"
#include "profiles/profile.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config = "/etc/cordon/cordon.json";
  std::string instance = "system";
  std::optional<std::uint32_t> uid;
  bool print = false, remove = false, check = false;
};

std::optional<std::string> read_if_there(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

[[noreturn]] void refuse(const std::string& file, const FieldErrors& errors) {
  throw std::runtime_error(fmt::format("{} {}: {}", file, errors.front().pointer, errors.front().detail));
}

Config read_config(const std::string& path) {
  const auto text = read_if_there(path);
  if (!text) return {};
  auto config = parse_config(*text);
  if (!config) refuse(path, config.error());
  return *config;
}

// The same name in a later directory replaces an earlier one, as for everybody who reads profiles.
std::map<std::string, fs::path> profile_files(const Config& config) {
  std::map<std::string, fs::path> files;
  for (const auto& directory : config.profile_dirs) {
    if (!fs::is_directory(directory)) continue;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const auto name = entry.path().filename().string();
      if (name.ends_with(".json") && !name.ends_with(".seccomp.json") && !name.starts_with("."))
        files[entry.path().stem().string()] = entry.path();
    }
  }
  return files;
}

std::vector<std::uint16_t> granted_ports(const Config& config) {
  std::set<std::uint16_t> ports;
  for (const auto& [name, file] : profile_files(config)) {
    const auto beside = [folder = file.parent_path()](std::string_view other) { return read_if_there(folder / other); };
    const auto profile = parse_profile(name, read_if_there(file).value_or(""), beside);
    if (!profile) refuse(file, profile.error());
    for (const auto port : ports_of(profile->egress)) ports.insert(port);
  }
  return {ports.begin(), ports.end()};
}

std::uint32_t uid_of(const std::string& user) {
  const auto* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no user " + user + ": systemd-sysusers makes it");
  return entry->pw_uid;
}

// 0: it stands as it should; 2: there is none; 3: it is another.
int check(const Wall& wall) {
  const auto table = "table inet " + table_name(wall);
  const auto loaded = loaded_table(wall);
  if (!loaded) {
    fmt::print("{} is not loaded\n", table);
    return 2;
  }
  const auto difference = first_difference(*loaded, fresh_table(wall));
  if (difference.empty())
    fmt::print("{} stands as configuration and profiles want it, ports {}\n", table, fmt::join(wall.ports, " "));
  else
    fmt::print("{} {}\n", table, difference);
  return difference.empty() ? 0 : 3;
}

int run(const Options& options) {
  const auto config = read_config(options.config);
  Wall wall;
  wall.instance = options.instance;
  wall.uid = options.uid ? *options.uid : uid_of(config.egress.user);
  wall.ports = granted_ports(config);
  wall.resolvers = config.egress.resolvers;
  wall.private_egress = config.egress.private_egress;
  if (wall.uid == 0) throw std::runtime_error("cordon-egress must not be root");
  if (options.check) return check(wall);
  const auto text = options.remove ? removal(wall) : ruleset(wall);
  if (options.print)
    fmt::print("{}", text);
  else
    load(text);
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  cordon::Options options;
  CLI::App app{"cordon-egress-wall: loads the packet filter behind cordon-egress"};
  app.set_version_flag("--version", CORDON_VERSION);
  app.add_option("--config", options.config, "configuration; defaults apply when it is absent")->capture_default_str();
  app.add_option("--instance", options.instance, "the name of the instance, a part of the table's")
      ->check([](const std::string& name) {
        const bool good = !name.empty() && name.size() <= 32 &&
                          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos;
        return good ? std::string() : std::string("1 to 32 of a-z 0-9");
      })
      ->capture_default_str();
  app.add_option("--uid", options.uid, "the user of cordon-egress, instead of the configured name");
  app.add_flag("--print", options.print, "say what would be loaded, and load nothing");
  app.add_flag(
      "--check", options.check,
      "change nothing; say whether the kernel has what would be loaded: 0 it has, 2 nothing, 3 something else");
  app.add_flag("--remove", options.remove, "take the table away: no job has egress then");
  CLI11_PARSE(app, argc, argv);
  try {
    return cordon::run(options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "cordon-egress-wall: {}\n", e.what());
    return 1;
  }
}
