// Watches the launches of one resident launcher by ptrace(2), to record the system calls they are made of or to let one
// of these fail. Everything it attaches to goes on untouched when it ends.
//
// Roles: `resident`; `launcher`, forked by it for the job; `sandbox`, the launcher's clone child, which becomes `init`
// by its exec; `tool`, init's first child, up to its exec, where it is let go; `collector`, the launcher's second
// child. Any further child is called after its parent: `init/2`.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/calls.hpp"

namespace cordon::test {

// What became of one launch that was watched.
struct Launch {
  pid_t launcher = -1;            // -1: none was forked
  std::vector<SystemCall> calls;  // of a recording, in the order they were made
  bool injected = false;
  bool over = false;           // the launcher's process has ended; not looked at any more after an injection
  std::string rights_of_init;  // that pid 1 still had when the tool's program started
};

class Tracer {
 public:
  explicit Tracer(pid_t resident);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // What is done with the next process that the resident forks, and with everything below it.
  void record();
  void inject(const Fault& fault);
  // The same for the resident's own calls, from now until stop().
  void record_resident();
  void stop();

  Launch launch() const;  // so far
  // Until the launch is over or the fault is injected; false when neither happens in time.
  bool wait(std::chrono::milliseconds patience);

 private:
  enum class Mode { idle, record, inject };
  struct Tracee {
    std::string role;
    unsigned children = 0;
    unsigned launch = 0;                        // which one it belongs to
    std::map<long, unsigned> seen{};            // calls of each number, in this role
    std::optional<user_regs_struct> spoiled{};  // at the entry of the call at whose exit the fault takes effect
  };

  void follow(pid_t resident);
  bool take(pid_t pid, int status);  // false: the end
  void take_event(pid_t pid, int event);
  void take_call(pid_t pid, Tracee& tracee);
  void enter(pid_t pid, Tracee& tracee, user_regs_struct& registers);
  void leave(pid_t pid, Tracee& tracee, user_regs_struct& registers);
  void adopt(pid_t pid, const Tracee& parent, unsigned ordinal);
  void tool_starts(pid_t pid, const Tracee& tool);
  void forget(pid_t pid);
  void go_on(pid_t pid, int signal = 0);
  bool is_watched(const Tracee& tracee) const;
  bool is_done_with(const Tracee& tracee) const;
  void start(Mode mode, bool with_resident, std::optional<Fault> fault);
  void wake();

  pid_t resident_;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  Mode mode_ = Mode::idle;
  std::optional<Fault> fault_;
  bool with_resident_ = false, ready_ = false, ending_ = false;
  Launch launch_;
  unsigned launches_ = 0;
  pid_t init_ = -1;
  std::map<pid_t, Tracee> tracees_;
  std::set<pid_t> early_;  // stopped before their parent's event told who they are
  std::thread thread_;
};

}  // namespace cordon::test
