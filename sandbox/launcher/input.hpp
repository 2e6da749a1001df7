// A job's input for an interpreter that was started before there was a job: memory that it holds open, and that gets
// the job's bytes when they come. Copied by the kernel, never looked at.
// Runs in: launcher, as root.
#pragma once

#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

class Input {
 public:
  Input();  // empty
  int payload() const { return payload_.get(); }
  int standard_in() const { return standard_in_.get(); }

  // From sealed memfds, and sealed as they are. Throws JobDeclined when it is more than prestart::max_input.
  void fill(const Fd& payload, const Fd& standard_in);
  void close() { payload_.reset(), standard_in_.reset(); }

 private:
  Fd payload_, standard_in_;
};

}  // namespace cordon
