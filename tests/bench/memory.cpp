// What a sandbox holds of the host's memory, the kernel's part included: how much less is available with many of them.
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "tests/bench/client.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/rest.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/warm.hpp"

using namespace cordon::bench;
using cordon::Fd;
using cordon::test::Instance;
using cordon::test::Json;
using cordon::test::read_text;

namespace {

constexpr int sandboxes = 32;
constexpr int rounds = 5;
const std::vector<std::string> columns{"", "n", "KiB each, p50", "least", "most", "of it in its memory cgroup"};

double available_kib() {
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // what has just ended is freed a little later
  std::istringstream words(read_text("/proc/meminfo"));
  for (std::string word; words >> word;) {
    double kib = 0;
    if (word == "MemAvailable:" && words >> kib) return kib;
  }
  throw std::runtime_error("no MemAvailable in /proc/meminfo");
}

struct Pipe {
  Fd read_end, write_end;
};
Pipe make_pipe() {
  int ends[2] = {-1, -1};
  cordon::check(::pipe2(ends, O_CLOEXEC), "pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

void await_lines(const Fd& from, unsigned lines) {
  for (char byte = 0; lines > 0;) {
    pollfd ready{from.get(), POLLIN, 0};
    if (::poll(&ready, 1, 60'000) <= 0 || ::read(from.get(), &byte, 1) != 1)
      throw std::runtime_error("not all of them began");
    if (byte == '\n') --lines;
  }
}

// Each says that it has begun, and is then a `cat` that waits at a pipe: when that is closed, it ends in order.
const Words waiter{"sh", "-c", "echo begun; exec cat"};

double of_waiters(const std::function<pid_t(unsigned lane, int input, int output)>& begin) {
  auto gate = make_pipe();
  const auto said = make_pipe();
  const double before = available_kib();
  std::vector<pid_t> pids;
  for (unsigned lane = 0; lane < sandboxes; ++lane)
    pids.push_back(begin(lane, gate.read_end.get(), said.write_end.get()));
  await_lines(said.read_end, sandboxes);
  const double kib = (before - available_kib()) / sandboxes;
  gate.write_end.reset();
  for (const auto pid : pids) ::waitpid(pid, nullptr, 0);
  return kib;
}

// Of the instance's cgroup, with all beneath it; its part of the kernel's memory included.
double charged_kib(const Instance& cordon) {
  for (const auto& path : cordon::test::instance_cgroups(cordon.whose().instance)) {
    for (const char* file : {"/memory.usage_in_bytes", "/memory.current"}) {
      const auto bytes = read_text(path + file);
      if (!bytes.empty()) return std::stod(bytes) / 1024;
    }
  }
  throw std::runtime_error("no memory cgroup");
}

struct Running {
  Samples available, charged;
};

void of_jobs(const Instance& cordon, Running& running) {
  const double before = available_kib(), charged_before = charged_kib(cordon);
  const Json job{{"argv", Json::array({"sleep", "300"})}, {"limits", {{"wall_ms", 300'000}}}};
  std::vector<std::string> ids;
  for (unsigned i = 0; i < sandboxes; ++i) ids.push_back(cordon.submit(job).at("id"));
  for (const auto& id : ids) REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(cordon::test::eventually([&] { return job_processes(cordon.whose()).size() >= 2UL * sandboxes; }));
  running.available.add((before - available_kib()) / sandboxes);
  running.charged.add((charged_kib(cordon) - charged_before) / sandboxes);
  for (const auto& id : ids) cordon.remove("/v1/jobs/" + id);
  come_to_rest(cordon);
}

// Of an instance at rest, all of it.
double of_instance(const Json& config) {
  const double before = available_kib();
  const Instance cordon(config);
  come_to_rest(cordon);
  return before - available_kib();
}

void print_memory(const std::string& name, const Samples& each, const std::string& charged = "–") {
  print_cells({name, std::to_string(each.size()), fmt::format("{:.0f}", each.median()),
               fmt::format("{:.0f}", each.quantile(0)), fmt::format("{:.0f}", each.quantile(1)), charged});
}

void measure_idle(const std::string& name, const std::string& figure, const Json& with) {
  Samples each;
  for (int round = 0; round < rounds; ++round) {
    const double without = of_instance(cold());
    each.add((of_instance(with) - without) / sandboxes);
  }
  print_memory(name, each);
  record("memory." + figure, each.median());
}

}  // namespace

TEST_CASE("memory") {
  const Instance cordon(cold());
  const Peers peers;
  const auto outside = bare(waiter);
  Samples of_bare;
  Running running;
  std::vector<Samples> of_peers(peers.all().size());
  for (int round = 0; round < rounds; ++round) {
    of_bare.add(of_waiters([&](unsigned, int input, int output) { return begin(outside, input, output); }));
    of_jobs(cordon, running);
    for (std::size_t i = 0; i < of_peers.size(); ++i) {
      if (!peers.all()[i].cannot.empty()) continue;
      const auto prepared = peers.prepare(peers.all()[i], waiter, sandboxes);
      of_peers[i].add(of_waiters([&](unsigned lane, int in, int out) { return prepared.begin(lane, in, out); }));
    }
  }
  print_section(
      "Memory of a sandbox",
      fmt::format("How much less is available (MemAvailable of proc_meminfo(5), the kernel's part included) "
                  "with {} of them that wait, for each; n is how often that was looked at, in turns. A program "
                  "that waits is in it, but for what is idle.",
                  sandboxes));
  print_columns(columns);
  print_memory("bare `cat`, no sandbox", of_bare);
  print_memory("Cordon, running `sleep`", running.available, fmt::format("{:.0f}", running.charged.median()));
  record("memory.running", running.available.median());
  for (std::size_t i = 0; i < of_peers.size(); ++i) {
    const auto& peer = peers.all()[i];
    if (peer.cannot.empty())
      print_memory(peer.names() + ", running `cat`", of_peers[i]);
    else
      print_absent(peer.names(), peer.cannot, columns.size());
  }
  measure_idle("Cordon, an idle warm sandbox", "idle", warm(Json::object(), sandboxes));
  measure_idle("Cordon, an idle warm sandbox with a started `python3`", "idle_python", warm_python(sandboxes));
}
