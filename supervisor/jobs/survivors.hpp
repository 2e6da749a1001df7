// What lives on in sandboxes whose launchers no longer tell: the kernel is asked, by their cgroup.events.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/asio.hpp"
#include "supervisor/kill/scope.hpp"

namespace cordon {

// In doubt it may. Throws nothing.
bool may_live(const Fd& events);

// True once the kernel says that nothing lives; false when it does not by `deadline`. `events` outlives the wait.
awaitable<bool> until_empty(const Fd* events, Clock::time_point deadline);

// The jobs that have ended, and whose sandboxes the kernel has not let go.
class Survivors {
 public:
  void add(std::string id, Membership membership, Fd events);
  // The ids of those that may live now; the others are forgotten.
  std::vector<std::string> in(const Scope& scope);

 private:
  struct Sandbox {
    Membership membership;
    Fd events;
  };
  std::map<std::string, Sandbox> sandboxes_;  // by the job's id
};

}  // namespace cordon
