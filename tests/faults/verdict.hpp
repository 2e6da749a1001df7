// What became of a job in whose launch one system call failed, and whether that is a promise kept.
#pragma once

#include <string>

#include "tests/faults/calls.hpp"
#include "tests/promises/http.hpp"

namespace cordon::test {

struct Verdict {
  enum Kind {
    refused,      // setup_failed, with its step and its errno
    harmless,     // it ran, under the very controls of a launch without a fault
    told,         // it ran, and its report says what could not be had of it: an artifact, or the program itself
    lost,         // after the word "go": how it ended is not known, and not invented
    not_reached,  // this launch did not make the call
    defect
  } kind = defect;
  std::string why;
};

Verdict judge(const Fault& fault, const Json& job, const Json& clean);

const char* name_of(Verdict::Kind kind);

}  // namespace cordon::test
