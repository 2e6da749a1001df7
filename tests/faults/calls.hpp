// The system calls of one launch, and the failures that apply to each: what may be injected, and how. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace cordon::test {

// One call of a launch, told apart without its number in the whole: the n-th of its name in its role.
struct SystemCall {
  std::string role;  // whose: see Tracer
  std::string name;
  long number = -1;
  unsigned occurrence = 0;  // from 1
  std::array<std::uint64_t, 6> arguments{};
  std::string path;  // of those that have one; of a transfer, what its descriptor is

  std::string id() const;  // "launcher: openat #3 /proc/17"
};

enum class How {
  refused,    // the kernel does not get to see it, the caller gets the error
  spoiled,    // the kernel does it, the caller gets the error: for what must happen whatever it answers, as close(2)
  lasting,    // refused, and so is every later call of that name by that process
  pretended,  // the kernel does not get to see it, the caller is told that it worked
  shortened,  // one byte is read or written, and the caller is told so
};

struct Fault {
  SystemCall call;
  int error = 0;
  How how = How::refused;

  std::string id() const;
};

std::string call_name(long number);
std::string error_name(int error);

// None: it cannot fail, or no failure of it means anything. Else some of ENOMEM, EPERM, EMFILE, ENOSPC and EINTR, as
// the manual of the call has them, or its nearest kin.
std::vector<int> errors_that_apply(const SystemCall& call);
How how_to_fail(const SystemCall& call);

// Every call once; the errors take turns along the calls of one name, so that all of them occur.
std::vector<Fault> every_call_once(const std::vector<SystemCall>& calls);
std::vector<Fault> every_call_with_every_error(const std::vector<SystemCall>& calls);
// From the first call of each name on, in each role; what an interrupt is not.
std::vector<Fault> every_lasting_error(const std::vector<SystemCall>& calls);
std::vector<Fault> every_pretence(const std::vector<SystemCall>& calls);
std::vector<Fault> every_short_transfer(const std::vector<SystemCall>& calls);

}  // namespace cordon::test
