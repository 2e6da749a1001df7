// Processes that no SIGKILL ends: in a freezer of cgroup v1 (freezer-subsystem.rst) of the test's own, until it thaws
// them. What hangs in the kernel looks the same from outside.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cordon::test {

class Freezer {
 public:
  Freezer();   // throws KernelError
  ~Freezer();  // thaws, waits for those it held to end or to be moved, and removes what it made
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;

  void freeze(const std::vector<pid_t>& pids);  // comes back when they are
  void thaw();

 private:
  void await_state(const std::string& state) const;
  std::string mount_, cgroup_;
};

}  // namespace cordon::test
