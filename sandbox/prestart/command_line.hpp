// The job's arguments and environment where execve(2) would have put them: at the top of the stack, over those that the
// interpreter was started with. There /proc/PID/cmdline and /proc/PID/environ show them, to ps on the host as well;
// what is left of the old strings is overwritten with zeros, for the kernel shows the whole of the old length.
// Runs in: the sandbox, in the interpreter's process.
#pragma once

#include "sandbox/prestart/payload_view.hpp"

namespace cordon::prestart {

class CommandLine {
 public:
  // As main() gets them, before anything has changed them.
  CommandLine(char** argv, char** env);

  bool has_room_for(const PayloadView& job) const;
  bool lay_out(const PayloadView& job);  // after has_room_for; false: no memory for the pointers

  int argc() const { return argc_; }
  char** argv() const { return argv_; }  // never freed, as a stack is not
  char** env() const { return env_; }

 private:
  std::span<char> argument_room_, environment_room_;
  int argc_ = 0;
  char** argv_ = nullptr;
  char** env_ = nullptr;
};

}  // namespace cordon::prestart
