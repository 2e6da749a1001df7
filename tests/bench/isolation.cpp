// What the sandboxes that are compared give: looked at from inside each, not taken from their manuals.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <sstream>

#include "tests/bench/peers.hpp"
#include "tests/bench/table.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

namespace {

// Lines of "name value", from /proc/self/ns and /proc/self/status and of mounts.
const Words look_around{
    "sh", "-c",
    "for kind in mnt pid net ipc uts user cgroup; do echo $kind $(readlink /proc/self/ns/$kind); done; "
    "sed -n 's/^\\(CapEff\\|CapBnd\\|Seccomp\\|NoNewPrivs\\):[[:space:]]*/\\1 /p' /proc/self/status; "
    // Of the mount that holds /usr: its own comes after that of /.
    "while read -r _ _ _ _ at options _; do case $at in /|/usr) usr=${options%%,*};; esac; done </proc/self/mountinfo; "
    "echo usr $usr"};

using Seen = std::map<std::string, std::string>;

Seen parse(const std::string& text) {
  Seen seen;
  std::istringstream lines(text);
  for (std::string name, value; lines >> name >> value;) seen[name] = value;
  return seen;
}

std::string namespaces(const Seen& outside, const Seen& inside) {
  std::vector<std::string> own, shared;
  for (const char* kind : {"mnt", "pid", "net", "ipc", "uts", "user", "cgroup"})
    (inside.at(kind) == outside.at(kind) ? shared : own).emplace_back(kind);
  return shared.empty() ? "all seven" : fmt::format("all but {}", fmt::join(shared, ", "));
}

std::string capabilities(const Seen& inside) {
  const auto is_none = [&](const char* set) { return inside.at(set).find_first_not_of('0') == std::string::npos; };
  return is_none("CapEff") && is_none("CapBnd") ? "none" : "effective " + inside.at("CapEff");
}

void print_seen(const std::string& name, const Seen& outside, const Seen& inside, const std::string& cgroups) {
  print_cells({name, namespaces(outside, inside), capabilities(inside), inside.at("Seccomp") == "2" ? "filter" : "none",
               inside.at("NoNewPrivs") == "1" ? "yes" : "no", inside.at("usr") == "ro" ? "read-only" : "writable",
               cgroups});
}

}  // namespace

TEST_CASE("isolation") {
  const std::vector<std::string> columns{
      "", "own namespaces", "capabilities", "seccomp", "no new privileges", "the image's /usr", "limits by cgroups"};
  print_section("What is compared",
                "Each sandbox is asked for as much of what Cordon enforces as it offers; what it then gives was looked "
                "at from inside. crun, runc and bubblewrap load the system-call rules of Cordon's default profile, the "
                "others their own. They run as root, without a daemon, and crun without the cgroup v2 tree beside the "
                "v1 hierarchies of a hybrid host, which it refuses. Cordon adds to this Landlock, a uid of its own for "
                "each job, a self-probe, denials, a report of what the kernel says, and a journal.");
  print_columns(columns);
  const Instance cordon;
  const Peers peers;
  Seen outside;
  for (const char* kind : {"mnt", "pid", "net", "ipc", "uts", "user", "cgroup"})
    outside[kind] = std::filesystem::read_symlink(std::string("/proc/self/ns/") + kind).string();
  const auto job = cordon.run(Json{{"argv", look_around}});
  print_seen("Cordon", outside, parse(job.at("stdout")), "memory, pids, cpu, cpu time");
  for (const auto& peer : peers.all()) {
    if (peer.cannot.empty())
      print_seen(peer.names(), outside, parse(peers.prepare(peer, look_around).output()), peer.cgroups);
    else
      print_absent(peer.names(), peer.cannot, columns.size());
  }
}
