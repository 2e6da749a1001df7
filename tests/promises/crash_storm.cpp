#include "tests/promises/crash_storm.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "tests/promises/accounted.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned clients = 4, at_once = 8;

std::string name_of(unsigned number) {
  return "k" + std::to_string(number);
}
int code_of(unsigned number) {
  return static_cast<int>(number % 200);
}

// Perl, for it sleeps without a child; by its file's name, which is what the kernel writes down.
Json job_of(unsigned number) {
  const auto name = name_of(number);
  const auto seconds = "0.0" + std::to_string(number % 6);
  const auto script = "#!/usr/bin/perl\n$| = 1; print \"" + name + "\\n\"; select(undef, undef, undef, " + seconds +
                      "); exit " + std::to_string(code_of(number)) + ";\n";
  Json file{{"path", name}, {"content", script}, {"mode", "0755"}};
  return {{"argv", Json::array({"./" + name})}, {"files", Json::array({std::move(file)})}, {"wait", false}};
}

// The id that the key's job has, asked for until there is an answer. What may be told meanwhile: nothing, and "later".
std::string submit_until_accepted(const Instance& cordon, unsigned number) {
  const auto body = job_of(number);
  const auto patience = Clock::now() + at_test_speed(120s);
  std::string last;
  while (Clock::now() < patience) {
    try {
      const auto answer = cordon.post(body, {"Idempotency-Key: " + name_of(number)});
      if (answer.status == 202 || answer.status == 200) return answer.json().at("id");
      last = answer.body;
      if (answer.status != 503 && answer.status != 429) break;
    } catch (const std::runtime_error& error) {
      last = error.what();
    }
    std::this_thread::sleep_for(5ms);
  }
  throw std::runtime_error(name_of(number) + " was not accepted: " + last);
}

struct Submitted {
  std::atomic<unsigned> accepted = 0;
  std::vector<std::string> ids;  // by number
  std::vector<std::string> errors;
};

std::vector<std::thread> start_clients(const Instance& cordon, Submitted& submitted) {
  std::vector<std::thread> threads;
  submitted.errors.resize(clients);
  for (unsigned client = 0; client < clients; ++client) {
    threads.emplace_back([&cordon, &submitted, client] {
      try {
        for (auto number = client; number < submitted.ids.size(); number += clients) {
          submitted.ids[number] = submit_until_accepted(cordon, number);
          ++submitted.accepted;
        }
      } catch (const std::exception& error) {
        submitted.errors[client] = error.what();
        submitted.accepted += static_cast<unsigned>(submitted.ids.size());  // the storm need not go on
      }
    });
  }
  return threads;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::istringstream text(read_text("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
  std::vector<pid_t> pids;
  for (pid_t child = 0; text >> child;) pids.push_back(child);
  return pids;
}

// Kills a child of `parent` and nobody else: not even whoever has got the pid of one that ended meanwhile.
bool kill_child(pid_t parent, pid_t child) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (pidfd.get() < 0 || parent_of(child) != parent) return false;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0;
}

struct Kills {
  unsigned daemons = 0, launchers = 0, sandboxes = 0;
};

class Storm {
  static constexpr std::array firsts{0U, 1U, 3U};  // the launcher, cordond, a sandbox's launcher

 public:
  Storm(Instance& cordon, const AccountedProcesses& accounted, unsigned seed)
      : cordon_(cordon), accounted_(accounted), random_(seed) {}

  // Each of the three once, then by chance.
  void strike() {
    const auto what = strikes_++ < 3 ? firsts[strikes_ - 1] : below(10);
    if (what == 0) {
      kill(cordon_.launcher(), &Instance::restart_launcher, kills_.launchers);
    } else if (what < 3) {
      kill(cordon_.daemon(), &Instance::start_daemon, kills_.daemons);
    } else if (!kill_sandbox() && strikes_ <= 3) {
      --strikes_;  // there was none: again
    }
  }
  void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(5 + below(150))); }
  const Kills& kills() const { return kills_; }

 private:
  unsigned below(unsigned bound) { return std::uniform_int_distribution<unsigned>(0, bound - 1)(random_); }

  void kill(Process& process, void (Instance::*start_again)(), unsigned& kills) {
    process.signal(SIGKILL);
    REQUIRE(process.wait(10s));
    const AccountedProcesses::Inside inside(accounted_);
    (cordon_.*start_again)();
    ++kills;
  }
  bool kill_sandbox() {
    const auto children = children_of(cordon_.launcher().pid());
    if (children.empty()) return false;
    const auto child = children[below(static_cast<unsigned>(children.size()))];
    const bool killed = kill_child(cordon_.launcher().pid(), child);
    kills_.sandboxes += killed ? 1 : 0;
    return killed;
  }

  Instance& cordon_;
  const AccountedProcesses& accounted_;
  std::mt19937 random_;
  unsigned strikes_ = 0;
  Kills kills_;
};

// By the name of their program's file, how each ended that the kernel saw.
std::map<std::string, std::vector<int>> runs_of(const AccountedProcesses& accounted) {
  std::map<std::string, std::vector<int>> runs;
  for (const auto& [name, status] : accounted.ended()) runs[name].push_back(status);
  return runs;
}

struct Verdicts {
  unsigned finished = 0, lost = 0, lost_before_it_ran = 0;
};

void judge(unsigned number, const Json& job, const std::vector<int>& runs, Verdicts& verdicts) {
  const auto& outcome = job.at("outcome");
  INFO(name_of(number) << " ran " << runs.size() << " times and is told as " << job.dump());
  CHECK(runs.size() <= 1);
  if (outcome.at("kind") == "lost") {
    ++verdicts.lost;
    verdicts.lost_before_it_ran += runs.empty() ? 1 : 0;
    CHECK_FALSE(outcome.contains("code"));
    CHECK_FALSE(outcome.at("reason").get<std::string>().empty());
    return;
  }
  ++verdicts.finished;
  CHECK(outcome == Json({{"kind", "exited"}, {"code", code_of(number)}}));
  CHECK(job.at("stdout") == name_of(number) + "\n");
  CHECK(runs == std::vector<int>{code_of(number) << 8});
}

// The instance's own, in a namespace of mounts where /proc shows the accounted processes.
std::vector<std::string> launcher_inside() {
  return {"unshare",
          "--mount",
          "--propagation",
          "slave",
          "sh",
          "-c",
          "mount -t proc proc /proc && exec \"$@\"",
          "sh",
          CORDON_BIN_DIR "/cordon-launcher"};
}

}  // namespace

void storm(unsigned jobs) {
  const AccountedProcesses accounted;
  const Json config{{"max_running", at_once}, {"max_queued", 64}, {"retain", {{"jobs", jobs + 1000}}}};
  auto inside = std::make_unique<AccountedProcesses::Inside>(accounted);
  Instance cordon(config, launcher_inside());
  inside.reset();
  cordon.run({{"argv", Json::array({"true"})}});
  const auto quiet = cordon.counts_at_rest();

  const auto seed = static_cast<unsigned>(Clock::now().time_since_epoch().count());
  Storm storm(cordon, accounted, seed);
  INFO("seed " << seed);
  Submitted submitted;
  submitted.ids.resize(jobs);
  const auto begun = Clock::now();
  auto threads = start_clients(cordon, submitted);
  try {
    while (submitted.accepted < jobs) {
      storm.pause();
      storm.strike();
    }
  } catch (...) {
    for (auto& thread : threads) thread.join();
    throw;
  }
  for (auto& thread : threads) thread.join();
  for (const auto& error : submitted.errors) {
    INFO(cordon.logs());
    REQUIRE(error.empty());
  }

  Verdicts verdicts;
  std::vector<Json> ended;
  for (const auto& id : submitted.ids) ended.push_back(cordon.finished(id));
  // What a process was is accounted for when it has ended (acct(5)), and a job is told as lost before that.
  cordon.run({{"argv", Json::array({"true"})}});  // what cordond keeps from its first job on, as before
  CHECK(cordon.counts_settled_at(quiet) == quiet);
  const auto runs = runs_of(accounted);
  for (unsigned number = 0; number < jobs; ++number) {
    const auto ran = runs.find(name_of(number));
    judge(number, ended[number], ran == runs.end() ? std::vector<int>{} : ran->second, verdicts);
    const auto again = cordon.post(job_of(number), {"Idempotency-Key: " + name_of(number)});
    CHECK(again.json().at("id") == submitted.ids[number]);
    CHECK(again.json().at("outcome") == ended[number].at("outcome"));
  }
  CHECK(runs_of(accounted) == runs);  // asking again has run nothing
  CHECK(cordon.counts_settled_at(quiet) == quiet);

  const auto& kills = storm.kills();
  std::cout << jobs << " jobs while cordond was killed " << kills.daemons << " times, the launcher " << kills.launchers
            << ", a sandbox's launcher " << kills.sandboxes << ": " << verdicts.finished << " finished, "
            << verdicts.lost << " lost (" << verdicts.lost_before_it_ran << " before they ran), "
            << std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun).count() << " s\n";
  CHECK(kills.daemons > 0);
  CHECK(kills.launchers > 0);
  CHECK(kills.sandboxes > 0);
  CHECK(verdicts.finished > 0);
  CHECK(verdicts.lost > 0);
}

}  // namespace cordon::test
