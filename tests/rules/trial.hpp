// Makes a system call in a child under a filter, and says how it went.
#pragma once

#include <functional>
#include <string>

#include "tests/rules/use.hpp"

namespace cordon::test {

struct Trial {
  bool returned = false;  // else the child ended in some other way
  long answer = 0;        // a negative errno is a failure
  bool worked() const { return returned && answer >= 0; }
};

// `bpf` is a program of compile_filter.
Trial try_under(const std::string& bpf, const std::function<long(const Things&)>& use);

}  // namespace cordon::test
