// Holding one sandbox: waits for what it says and for what ends it, whichever comes first. No polling: every limit is a
// descriptor that becomes readable, but for CPU time, which the kernel does not announce and which is looked at again
// at the earliest instant at which it can be used up. Runs in: launcher, as root.
#pragma once

#include <chrono>
#include <optional>

#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/timer.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// The other side closed the lifeline while the sandbox was being built.
struct LifelineClosed {};

// The sandbox has not said what was waited for.
struct NotInTime : KernelError {
  using KernelError::KernelError;
};

class Watch {
 public:
  Watch(int lifeline, int tool_control, int init_control, int init_pidfd, const Cgroup& cgroup);

  // The next message of the tool's process while it is being set up, and its pid. Throws KernelError with the step that
  // failed inside, NotInTime, EPROTO when another process speaks in its place; or LifelineClosed, or JobDeclined.
  template <typename Message>
  Message expect(std::chrono::milliseconds patience) {
    return std::get<Message>(next_setup_message(InitMessage(Message{}).index(), patience));
  }
  // While nothing is to be done: the lifeline's next message; without bytes when the other side has closed it.
  ReceivedMessage await_lifeline();
  int tool_pid() const { return tool_pid_; }
  // Why the sandbox ended while it was being set up, if it said so; does not wait. For a step of ours that failed since
  // there was no sandbox any more.
  std::optional<KernelError> last_words();
  std::chrono::microseconds cpu_used() const;

  void count_cpu_from_now();  // just before the word "go"
  // From the word "go" to the end, whatever it is.
  Ending until_the_end(const Limits& limits);

 private:
  InitMessage next_setup_message(std::size_t kind, std::chrono::milliseconds patience);
  std::optional<InitMessage> hear(int& socket);
  void expect_tool(int sender_pid);
  InitMessage follow(const InitMessage& message, std::size_t kind);
  [[noreturn]] void ended_early(std::string_view how) const;
  std::optional<Ending> look(const Limits& limits);
  std::optional<Ending> tool_said();
  std::optional<Ending> init_said();
  Ending ended(int status) const;
  std::optional<Ending> cpu_used_up(const Limits& limits);
  void arm_cpu(const Limits& limits, std::chrono::nanoseconds used);  // at the earliest instant of its being used up

  int lifeline_, tool_control_, init_control_, init_pidfd_;
  const Cgroup& cgroup_;
  std::optional<Fd> oom_;
  Timer wall_, cpu_;
  int tool_pid_ = -1;
  std::chrono::microseconds cpu_before_{0};
  std::optional<ExecFailed> exec_failed_;
};

}  // namespace cordon
