// A program that a test started: ended and waited for before it goes out of scope.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

class Process {
 public:
  Process() = default;
  // Starts `command` with standard output and error going to `log`. With `ready`, adds `--ready-fd N` and waits for the
  // newline; throws with the log's tail when the program ends instead.
  Process(std::vector<std::string> command, const std::string& log, bool ready);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The wait status; nullopt: it has not ended in time.
  std::optional<int> wait(std::chrono::milliseconds patience);
  std::optional<int> end(std::chrono::milliseconds patience);  // SIGTERM, then wait

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
};

std::string read_text(const std::string& path);  // "" when there is none

// How many times slower than an ordinary processor the one is that the tests run on: CORDON_TEST_SLOWNESS, 1 unless
// that is set. The virtual machine of tests/vm has an emulated one. A bound on what Cordon or a probe may take is
// multiplied by it.
int slowness();
std::chrono::milliseconds at_test_speed(std::chrono::milliseconds time);

// Looks until `condition` holds; false when it does not in time (at the speed of the tests).
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace cordon::test
