#include "tests/unit/supervisor_instance.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>

namespace cordon::test {
namespace {

namespace fs = std::filesystem;

constexpr auto profile = R"({"why": "for tests", "seccomp": "s.seccomp.json",
  "limits": {"wall_ms": 60000, "cpu_ms": 60000, "cpus": 2, "memory_bytes": 536870912, "pids": 512, "output_bytes": 16777216,
    "scratch_bytes": 67108864, "scratch_inodes": 16384, "file_bytes": 1048576, "open_files": 256},
  "defaults": {"wall_ms": 10000, "cpu_ms": 10000, "cpus": 1, "memory_bytes": 268435456, "pids": 64, "output_bytes": 65536,
    "scratch_bytes": 67108864, "scratch_inodes": 16384, "file_bytes": 1048576, "open_files": 256},
  "env": {"PATH": "/usr/bin:/bin"}, "prestart": {"python": {}},
  "languages": {"say": {"file": "code", "argv": ["echo-files"], "needs": "/bin/sh"},
                "gone": {"file": "code", "argv": ["x"], "needs": "/nowhere/gone"}},
  "collect": {"files": 4, "bytes": 1000000}})";

constexpr auto seccomp = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})";

}  // namespace

Directory::Directory() {
  char name[] = "/tmp/cordon-unit-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary directory");
  path = name;
  fs::permissions(path, fs::perms(0755));
}

Directory::~Directory() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void Instance::write_config(const std::string& config) const {
  const bool names_warm = config.find("\"warm\"") != std::string::npos;  // most tests count what one job makes
  std::ofstream(dir_.path + "/cordon.json")
      << "{\"profile_dirs\": [\"" << dir_.path << "/profiles\"]" << (names_warm ? "" : ", \"warm\": {}")
      << (config.find("\"evidence\"") != std::string::npos ? "" : ", \"evidence\": \"off\"")  // there is no ledger
      << (config.empty() ? "" : ", ") << config << "}";
}

Instance::Instance(const std::string& config) {
  ::signal(SIGPIPE, SIG_IGN);
  fs::create_directories(dir_.path + "/daemon");
  fs::create_directories(dir_.path + "/profiles");
  std::ofstream(dir_.path + "/profiles/default.json") << profile;
  std::ofstream(dir_.path + "/profiles/s.seccomp.json") << seccomp;
  write_config(config);
  launcher_ = std::make_unique<FakeLauncher>(dir_.path + "/launcher.sock");
  start_daemon();
}

void Instance::restart_launcher() {
  launcher_.reset();
  launcher_ = std::make_unique<FakeLauncher>(dir_.path + "/launcher.sock");
}

void Instance::restart_daemon() {
  stop_daemon();
  start_daemon();
}

void Instance::start_daemon() {
  const DaemonOptions options{dir_.path, dir_.path, dir_.path + "/cordon.json", ::getegid(), ::getegid()};
  auto catalog = load_catalog(options.config_file);
  if (!catalog) throw std::runtime_error(catalog.error().file + ": " + catalog.error().errors.at(0).detail);
  io_ = std::make_unique<asio::io_context>(1);
  daemon_ = std::make_unique<Daemon>(*io_, options, *catalog);
  std::promise<void> ready;
  asio::co_spawn(*io_, daemon_->start(), [&ready](std::exception_ptr failed) {
    if (failed) return ready.set_exception(failed);
    ready.set_value();
  });
  thread_ = std::thread([this] { io_->run(); });
  ready.get_future().get();
}

Instance::~Instance() {
  stop_daemon();
}

void Instance::stop_daemon() {
  io_->stop();
  thread_.join();
  daemon_.reset();
  io_.reset();
}

}  // namespace cordon::test
