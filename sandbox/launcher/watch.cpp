#include "sandbox/launcher/watch.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;

constexpr auto shortest_cpu_check = 2ms;

template <std::size_t N>
void wait_for(std::array<pollfd, N>& wanted) {
  while (::poll(wanted.data(), wanted.size(), -1) < 0)
    if (errno != EINTR) check(-1, "poll");
}

// false: nothing happened until then.
template <std::size_t N>
bool wait_for(std::array<pollfd, N>& wanted, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(wanted.data(), wanted.size(), static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) check(-1, "poll");
  }
}

KernelError out_of_memory() {
  return {"set up the sandbox", "within memory_bytes", ENOMEM, "give the job more memory"};
}

// By cordon-init, or by the interpreter that the tool's process has become.
std::optional<InitMessage> decode_said(std::string_view bytes) {
  if (auto message = decode_init_message(bytes)) return message;
  const auto answer = prestart::decode_answer(bytes);
  if (!answer) return std::nullopt;
  if (std::holds_alternative<prestart::Ready>(*answer)) return InterpreterReady{};
  if (const auto* declined = std::get_if<prestart::Declined>(&*answer)) return JobDeclined{declined->reason};
  if (const auto* failed = std::get_if<prestart::Failed>(&*answer))
    return StepFailed{failed->step, failed->object, failed->error, ""};
  return JobRead{};
}

std::uint8_t exit_code_for(int error) {
  return error == ENOENT ? 127 : 126;
}

}  // namespace

Watch::Watch(int lifeline, int tool_control, int init_control, int init_pidfd, const Cgroup& cgroup)
    : lifeline_(lifeline),
      tool_control_(tool_control),
      init_control_(init_control),
      init_pidfd_(init_pidfd),
      cgroup_(cgroup),
      oom_(cgroup.watch_oom()) {}

InitMessage Watch::next_setup_message(std::size_t kind, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    // A job may wait on the lifeline already: here only its end counts.
    std::array<pollfd, 3> wanted{{{tool_control_, POLLIN, 0}, {init_control_, POLLIN, 0}, {lifeline_, POLLRDHUP, 0}}};
    if (!wait_for(wanted, deadline))
      throw NotInTime("set up the sandbox", "in time", ETIMEDOUT, "the host is overloaded");
    // The tool's process goes with pid 1, and pid 1 tells how the tool's process went: whoever closed first said
    // nothing.
    if (wanted[0].revents != 0)
      if (const auto message = hear(tool_control_)) return follow(*message, kind);
    if (wanted[1].revents != 0)
      if (const auto message = hear(init_control_)) return follow(*message, kind);
    if (tool_control_ < 0 && init_control_ < 0) ended_early("it ended early");
    if (wanted[2].revents != 0) throw LifelineClosed{};
  }
}

// Whatever the sandbox says now is that it ends.
ReceivedMessage Watch::await_lifeline() {
  for (;;) {
    std::array<pollfd, 3> wanted{
        {{tool_control_, POLLIN, 0}, {init_control_, POLLIN, 0}, {lifeline_, POLLIN | POLLRDHUP, 0}}};
    wait_for(wanted);
    if (wanted[0].revents != 0 || wanted[1].revents != 0) {
      for (int* socket : {&tool_control_, &init_control_})
        if (const auto message = hear(*socket)) follow(*message, std::variant_npos);
      ended_early("it ended while it waited for its job");
    }
    auto message = receive_message(lifeline_, max_message, job_fd_count);
    if (message) return std::move(*message);
  }
}

// Nullopt at the end of file: that socket is not listened to any more.
std::optional<InitMessage> Watch::hear(int& socket) {
  const auto received = receive_message(socket, max_init_message, 0);
  if (!received || received->bytes.empty()) {
    socket = -1;
    return std::nullopt;
  }
  auto message = decode_said(received->bytes);
  if (!message) throw KernelError("decode a message", "from the sandbox", EBADMSG);
  if (&socket == &tool_control_ && received->sender_pid) expect_tool(*received->sender_pid);
  return message;
}

// The first to speak is our own code, before anything of the image has run. An interpreter of an image may have
// children, and these its socket: what they say would be taken for what the tool's process says.
void Watch::expect_tool(int sender_pid) {
  if (tool_pid_ < 0) tool_pid_ = sender_pid;
  if (tool_pid_ != sender_pid) throw KernelError("follow the sandbox", "another process speaks for the tool", EPROTO);
}

InitMessage Watch::follow(const InitMessage& message, std::size_t kind) {
  if (const auto* failed = std::get_if<StepFailed>(&message))
    throw KernelError(failed->step, failed->object, failed->error, failed->remedy);
  if (const auto* declined = std::get_if<JobDeclined>(&message)) throw *declined;
  if (std::holds_alternative<ToolEnded>(message)) ended_early("the tool's process ended early");
  if (message.index() != kind || tool_pid_ < 0) throw KernelError("follow the sandbox", "out of step", EPROTO);
  return message;
}

void Watch::ended_early(std::string_view how) const {
  if (cgroup_.oom_kills() > 0) throw out_of_memory();
  throw KernelError("set up the sandbox", how, ECHILD);
}

std::optional<KernelError> Watch::last_words() {
  for (int* socket : {&tool_control_, &init_control_}) {
    pollfd wanted{*socket, POLLIN, 0};
    if (*socket < 0 || ::poll(&wanted, 1, 0) <= 0) continue;
    const auto message = hear(*socket);
    if (const auto* failed = message ? std::get_if<StepFailed>(&*message) : nullptr)
      return KernelError(failed->step, failed->object, failed->error, failed->remedy);
  }
  if (cgroup_.oom_kills() > 0) return out_of_memory();
  return std::nullopt;
}

void Watch::count_cpu_from_now() {
  cpu_before_ = std::chrono::microseconds(cgroup_.cpu_us());
}

Ending Watch::until_the_end(const Limits& limits) {
  wall_.arm(std::chrono::milliseconds(limits.wall_ms));
  arm_cpu(limits, 0ns);
  for (;;)
    if (auto ending = look(limits)) return *ending;
}

std::optional<Ending> Watch::look(const Limits& limits) {
  const int oom = oom_ ? oom_->get() : -1;  // poll(2) passes over negative descriptors
  std::array<pollfd, 7> wanted{{{tool_control_, POLLIN, 0},
                                {init_control_, POLLIN, 0},
                                {oom, POLLIN, 0},
                                {init_pidfd_, POLLIN, 0},
                                {wall_.fd(), POLLIN, 0},
                                {cpu_.fd(), POLLIN, 0},
                                {lifeline_, POLLIN | POLLRDHUP, 0}}};
  wait_for(wanted);
  std::optional<Ending> ending;
  if (wanted[0].revents != 0) ending = tool_said();
  if (!ending && wanted[1].revents != 0) ending = init_said();
  if (!ending && wanted[2].revents != 0) ending = OutOfMemory{};
  if (!ending && wanted[4].revents != 0) ending = TimedOut{TimeLimit::wall};
  if (!ending && wanted[5].revents != 0) ending = cpu_used_up(limits);
  if (!ending && wanted[6].revents != 0) ending = HungUp{};
  if (!ending && wanted[3].revents != 0)
    ending = cgroup_.oom_kills() > 0 ? Ending(OutOfMemory{}) : Vanished{"pid 1 of the sandbox was killed from outside"};
  return ending;
}

// End of file is the exec; anything else says why there was none. A step that failed after "go" but before the exec is
// still a failed set-up: the exit status that follows is ours and not the tool's.
std::optional<Ending> Watch::tool_said() {
  const auto message = hear(tool_control_);
  if (!message) return std::nullopt;
  if (const auto* failed = std::get_if<StepFailed>(&*message))
    return SetupFailed{failed->step, failed->object, failed->error, failed->remedy};
  if (const auto* failed = std::get_if<ToolExecFailed>(&*message))
    exec_failed_ = ExecFailed{exit_code_for(failed->error), failed->step, failed->error};
  return std::nullopt;
}

std::optional<Ending> Watch::init_said() {
  const auto message = hear(init_control_);
  if (!message) return std::nullopt;  // the pidfd tells the rest
  if (const auto* end = std::get_if<ToolEnded>(&*message)) return ended(end->status);
  if (const auto* failed = std::get_if<StepFailed>(&*message))
    return Vanished{std::string("pid 1 of the sandbox failed: ") +
                    KernelError(failed->step, failed->object, failed->error, failed->remedy).what()};
  return Vanished{"pid 1 of the sandbox said something else"};
}

Ending Watch::ended(int status) const {
  if (cgroup_.oom_kills() > 0) return OutOfMemory{};
  if (exec_failed_) return *exec_failed_;
  if (WIFSIGNALED(status)) return Signalled{static_cast<std::uint8_t>(WTERMSIG(status))};
  return Exited{static_cast<std::uint8_t>(WEXITSTATUS(status))};
}

std::chrono::microseconds Watch::cpu_used() const {
  return std::chrono::microseconds(cgroup_.cpu_us()) - cpu_before_;
}

std::optional<Ending> Watch::cpu_used_up(const Limits& limits) {
  const auto budget = std::chrono::milliseconds(limits.cpu_ms);
  const auto used = cpu_used();
  if (used >= budget) return TimedOut{TimeLimit::cpu};
  arm_cpu(limits, used);
  return std::nullopt;
}

void Watch::arm_cpu(const Limits& limits, std::chrono::nanoseconds used) {
  const auto left = std::chrono::milliseconds(limits.cpu_ms) - used;
  const auto earliest = left * 1000 / static_cast<long>(limits.cpus_milli);
  cpu_.arm(std::max<std::chrono::nanoseconds>(earliest, shortest_cpu_check));
}

}  // namespace cordon
