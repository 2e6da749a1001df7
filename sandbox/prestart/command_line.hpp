// The job's arguments and environment as execve(2) would have laid them out: one block of memory, which the kernel is
// told to show in /proc/PID/cmdline and /proc/PID/environ, and the arrays of pointers into it.
// Runs in: the sandbox, in the interpreter's process.
#pragma once

#include <linux/prctl.h>
#include <sys/prctl.h>

#include "sandbox/prestart/payload_view.hpp"

namespace cordon::prestart {

// Where the kernel has the process's memory, read once from /proc/self/stat.
class MemoryMap {
 public:
  bool read();
  // PR_SET_MM_MAP of prctl(2): for any process, about itself, with CONFIG_CHECKPOINT_RESTORE. False when refused.
  bool show(const char* arguments, const char* environment, const char* end);
  bool show_environment(const char* environment, const char* end);  // the arguments stay
  bool apply();

 private:
  prctl_mm_map map_{};
};

class CommandLine {
 public:
  // False: no memory. The block is never freed, as the stack of a program that was executed never is.
  bool lay_out(const PayloadView& job);

  char** argv() const { return argv_; }
  char** env() const { return env_; }
  int argc() const { return argc_; }
  const char* arguments() const { return block_; }
  const char* environment() const { return environment_; }
  const char* end() const { return end_; }

 private:
  char* copy(std::span<std::string_view> strings, char** pointers, char* to);
  char** argv_ = nullptr;
  char** env_ = nullptr;
  int argc_ = 0;
  char* block_ = nullptr;
  char* environment_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace cordon::prestart
