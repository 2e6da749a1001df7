#include "tests/bench/peers.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "profiles/profile.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/launcher/filter.hpp"
#include "tests/promises/process.hpp"

namespace cordon::bench {
namespace {

namespace fs = std::filesystem;
using cordon::test::read_text;

std::string fresh_directory() {
  std::string name = "/tmp/cordon-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  fs::permissions(name, fs::perms(0755));
  return name;
}

void make_root(const std::string& root) {
  for (const char* directory : {"usr/lib", "proc", "sys", "dev", "run", "tmp", "work", "etc"})
    fs::create_directories(root + "/" + directory);
  for (const char* link : {"bin", "sbin", "lib", "lib64"})
    fs::create_symlink(std::string("usr/") + link, root + "/" + link);
  std::ofstream(root + "/etc/os-release") << "ID=none\n";  // systemd-nspawn asks for it
}

// bubblewrap takes the kernel's own form.
void compile_rules(const std::string& profile, const std::string& into) {
  const auto policy = parse_seccomp_policy(read_text(profile + ".seccomp.json"));
  if (!policy) throw std::runtime_error("the default rules: " + policy.error().at(0).detail);
  std::ofstream(into, std::ios::binary) << compile_filter(*policy).bpf;
}

Workshop make_workshop() {
  Workshop shop;
  shop.directory = fresh_directory();
  shop.root = shop.directory + "/root";
  shop.rules = shop.directory + "/rules.bpf";
  shop.profile = CORDON_SOURCE_DIR "/profiles/data/default";
  shop.cgroup = "/" + fs::path(shop.directory).filename().string();
  make_root(shop.root);
  compile_rules(shop.profile, shop.rules);
  return shop;
}

// crun refuses a v2 tree that has a controller beside v1 hierarchies; without that tree it works as on a v1 host.
std::vector<std::string> hidden_directories() {
  std::vector<std::string> hidden{"/run"};
  if (fs::exists("/sys/fs/cgroup/unified")) hidden.emplace_back("/sys/fs/cgroup/unified");
  return hidden;
}

std::string number_in(const std::string& text) {
  const auto from = text.find_first_of("0123456789");
  return from == std::string::npos ? text : text.substr(from, text.find_first_of(" \n", from) - from);
}

// What a run that was broken off left there.
void end_cgroup(const fs::path& group) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(group, error))
    if (entry.is_directory()) end_cgroup(entry.path());
  std::ifstream members(group / "cgroup.procs");
  for (pid_t pid = 0; members >> pid;)
    if (pid > 1) ::kill(pid, SIGKILL);
  cordon::test::eventually([&] { return ::rmdir(group.c_str()) == 0 || errno == ENOENT; });
}

}  // namespace

Peers::Peers() : workshop_(make_workshop()), peers_{bubblewrap(), crun(), runc(), firejail(), systemd_nspawn()} {
  view_.emplace(hidden_directories());
  for (auto& peer : peers_) try_out(peer);
}

Peers::~Peers() {
  std::error_code error;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", error))
    end_cgroup(hierarchy.path().string() + workshop_.cgroup);
  end_cgroup("/sys/fs/cgroup" + workshop_.cgroup);
  fs::remove_all(workshop_.directory, error);
}

void Peers::try_out(Peer& peer) const {
  if (!fs::exists(peer.binary)) {
    peer.cannot = "it is not installed: packaging/bench-packages.txt";
    return;
  }
  try {
    const Prepared version{{{{peer.binary, "--version"}, workshop_.directory + "/errors", {}}}, &*view_};
    peer.version = number_in(version.output());
    prepare(peer, {"true"}).run();
  } catch (const std::runtime_error& error) {
    peer.cannot = error.what();
  }
}

const Peer* Peers::find(const std::string& name) const {
  for (const auto& peer : peers_)
    if (peer.name == name && peer.cannot.empty()) return &peer;
  return nullptr;
}

Peers::Prepared Peers::prepare(const Peer& peer, Words argv, unsigned lanes) const {
  argv.at(0) = "/usr/bin/" + argv.at(0);
  Prepared prepared{{}, &*view_};
  for (unsigned lane = 0; lane < lanes; ++lane) {
    const auto errors = workshop_.directory + "/" + peer.name + "-" + std::to_string(lane) + ".log";
    prepared.lanes.push_back(
        {peer.command(workshop_, argv, lane), errors, peer.takes_rules ? workshop_.rules : std::string()});
  }
  return prepared;
}

void Peers::Prepared::run(unsigned lane) const {
  const HostView::Inside inside(*view);
  bench::run(lanes.at(lane));
}

std::string Peers::Prepared::output() const {
  const HostView::Inside inside(*view);
  return output_of(lanes.at(0));
}

pid_t Peers::Prepared::begin(unsigned lane, int input, int output) const {
  const HostView::Inside inside(*view);
  return bench::begin(lanes.at(lane), input, output);
}

}  // namespace cordon::bench
