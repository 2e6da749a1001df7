#include "tests/promises/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

constexpr int ready_number = 9;
constexpr int start_patience_ms = 60'000;

[[noreturn]] void become(const std::vector<std::string>& command, int log, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);                          // a test that crashes leaves nothing
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);  // libcurl's, on other threads
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  if (ready == ready_number) ::fcntl(ready, F_SETFD, 0);
  if (ready >= 0) ::dup2(ready, ready_number);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

bool said_ready(int fd) {
  pollfd ready{fd, POLLIN, 0};
  char byte = 0;
  return ::poll(&ready, 1, start_patience_ms) > 0 && ::read(fd, &byte, 1) == 1 && byte == '\n';
}

}  // namespace

Process::Process(std::vector<std::string> command, const std::string& log, bool ready) {
  const Fd log_fd(check(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "open", log));
  int ends[2] = {-1, -1};
  check(::pipe2(ends, O_CLOEXEC), "pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  if (ready) command.insert(command.end(), {"--ready-fd", std::to_string(ready_number)});
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(command, log_fd.get(), ready ? write_end.get() : -1);
  pidfd_ = Fd(static_cast<int>(check(::syscall(SYS_pidfd_open, pid_, 0), "pidfd_open")));
  write_end.reset();
  if (ready && !said_ready(read_end.get())) {
    const auto status = wait(std::chrono::seconds(1));
    throw std::runtime_error(command[0] + " did not become ready (status " +
                             (status ? std::to_string(*status) : "still running") + "):\n" + read_text(log));
  }
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  check(::kill(pid_, number), "kill");
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(patience.count())) <= 0) return std::nullopt;
  int status = 0;
  check(::waitpid(pid_, &status, 0), "waitpid");
  pid_ = -1;
  return status;
}

std::optional<int> Process::end(std::chrono::milliseconds patience) {
  if (pid_ <= 0) return std::nullopt;
  signal(SIGTERM);
  return wait(patience);
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

int slowness() {
  const char* said = std::getenv("CORDON_TEST_SLOWNESS");
  return said == nullptr ? 1 : std::stoi(said);
}

std::chrono::milliseconds at_test_speed(std::chrono::milliseconds time) {
  return time * slowness();
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + at_test_speed(patience);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace cordon::test
