// What the kernel alone takes for what is asked of each job, without Cordon: below the sum of it no supervisor of this
// shape can go on the machine, whatever it is written in.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/streams.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/turns.hpp"

using namespace cordon;
using namespace cordon::bench;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t namespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr std::string_view word = "go";

[[noreturn]] void become_true() {
  ::execl("/usr/bin/true", "true", nullptr);
  ::_exit(EXIT_FAILURE);
}

bool hears(int socket) {
  const auto message = receive_message(socket, word.size(), 0);
  return message && message->bytes == word;
}

void expect_success(Child& child) {
  if (const int code = child.wait(); code != 0) throw std::runtime_error(fmt::format("a process ended with {}", code));
}

// What is measured; what is made ahead for each time is not.
struct Step {
  std::string name, figure;
  std::function<void()> ahead, run;
  Samples samples{};
};

// pid 1 of namespaces of its own has forked the tool's process, which waits to be told; it ends when that has.
class Prepared {
 public:
  void make() {
    control_.emplace();
    child_.emplace(clone_child(namespaces));
    if (child_->pid == 0) wait_as_first_process(control_->theirs.get());
    control_->theirs.reset();
  }
  void run() {
    send_message(control_->ours.get(), word);
    expect_success(*child_);
  }
  void kill() { child_->kill(); }
  void await_end() { child_->wait(); }

 private:
  [[noreturn]] static void wait_as_first_process(int control) {
    auto tool = fork_with_pidfd();
    if (tool.pid == 0) hears(control) ? become_true() : ::_exit(EXIT_FAILURE);
    ::_exit(tool.wait());
  }

  std::optional<SocketPair> control_;
  std::optional<Child> child_;
};

void run_in_new_namespaces() {
  auto child = clone_child(namespaces);
  if (child.pid == 0) become_true();
  expect_success(child);
}

// Another process that answers each word with one.
class Echo {
 public:
  Echo() : child_(fork_with_pidfd()) {
    if (child_.pid == 0) answer();
    control_.theirs.reset();
  }
  void there_and_back() {
    send_message(control_.ours.get(), word);
    if (!hears(control_.ours.get())) throw std::runtime_error("the other process is gone");
  }

 private:
  [[noreturn]] void answer() {
    control_.ours.reset();
    while (hears(control_.theirs.get())) send_message(control_.theirs.get(), word);
    ::_exit(EXIT_SUCCESS);
  }

  SocketPair control_;
  Child child_;
};

// A thread that writes a row for whoever asks, as durable as the journal of a job that nobody resumes.
class Writer {
 public:
  Writer() : database_(directory_ / "rows.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
    database_.exec("PRAGMA journal_mode = WAL");
    database_.exec("PRAGMA synchronous = NORMAL");
    database_.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)");
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~Writer() {
    thread_ = {};
    std::filesystem::remove_all(directory_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write() {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !asked_; });
  }

 private:
  void serve(const std::stop_token& stop) {
    SQLite::Statement insert(database_, "INSERT INTO rows (text) VALUES (?)");
    const std::string text(1000, 'x');
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return asked_; })) {
      SQLite::Transaction transaction(database_);
      insert.bind(1, text);
      insert.exec();
      insert.reset();
      transaction.commit();
      asked_ = false;
      changed_.notify_all();
    }
  }

  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / fmt::format("cordon-floor-{}", ::getpid());
  bool made_ = std::filesystem::create_directory(directory_);
  SQLite::Database database_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool asked_ = false;
  std::jthread thread_;
};

void measure(const std::string& how, const std::string& figures, int runs, milliseconds pause) {
  const auto program = bare({"true"});
  Prepared prepared;
  Echo other;
  Writer writer;
  const auto nothing = [] {};
  std::vector<Step> steps{
      {"posix_spawn of `true`", "bare", nothing, [&] { run(program); }},
      {"`true` in namespaces made ahead, behind a pid 1 of its own", "prepared", [&] { prepared.make(); },
       [&] { prepared.run(); }},
      {"`true` in namespaces that are made for it", "cold", nothing, run_in_new_namespaces},
      {"a word to another process and one back", "hand_over", nothing, [&] { other.there_and_back(); }},
      {"a row written to SQLite by another thread", "row", nothing, [&] { writer.write(); }},
  };
  for (int i = 0; i < runs; ++i) {
    for (auto& step : steps) {
      step.ahead();
      std::this_thread::sleep_for(pause);
      step.samples.time(step.run);
    }
  }
  print_heading("The floor, " + how,
                "Of no sandbox: what the kernel takes for single things that each job needs. Limits by cgroup, mounts, "
                "system-call filter and their proof come on top; what is made ahead is not counted.");
  for (const auto& step : steps) {
    print_row(step.name, step.samples, steps.front().samples);
    record(figures + "." + step.figure + ".p50", step.samples.median());
  }
}

// As kill_all.cpp does it, of what is no sandbox.
void measure_killing(int many, int rounds) {
  Samples bare, prepared;
  const auto program = cordon::bench::bare({"sleep", "300"});
  for (int round = 0; round < rounds; ++round) {
    std::vector<pid_t> sleepers;
    for (int i = 0; i < many; ++i) sleepers.push_back(begin(program));
    bare.time([&] {
      for (const auto pid : sleepers) check(::kill(pid, SIGKILL), "kill");
      for (const auto pid : sleepers) check(::waitpid(pid, nullptr, 0), "wait");
    });
    std::vector<Prepared> pairs(many);
    for (auto& pair : pairs) pair.make();
    prepared.time([&] {
      for (auto& pair : pairs) pair.kill();
      for (auto& pair : pairs) pair.await_end();
    });
    settle();
  }
  print_heading(
      "The floor of a kill-all",
      "Of no sandbox: SIGKILL to as many, until all are reaped. Nothing is written down, and nobody is told.");
  print_row(fmt::format("{} processes `sleep`", many), bare, bare);
  print_row(fmt::format("{} times two processes in namespaces of their own", many), prepared, bare);
  record("floor.kill.p99", prepared.quantile(0.99));
}

}  // namespace

TEST_CASE("floor") {
  measure("with 2 ms of quiet before each", "floor", 500, milliseconds(2));
  measure("with 40 ms of quiet before each", "floor.paused", 150, milliseconds(40));
  measure_killing(200, 20);
}
