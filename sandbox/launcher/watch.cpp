#include "sandbox/launcher/watch.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <array>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;

constexpr auto shortest_cpu_check = 2ms;

template <std::size_t N>
void wait_for(std::array<pollfd, N>& wanted) {
  while (::poll(wanted.data(), wanted.size(), -1) < 0)
    if (errno != EINTR) check(-1, "poll");
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
  Timer deadline;
  deadline.arm(patience);
  std::array<pollfd, 4> wanted{{{tool_control_, POLLIN, 0},
                                {init_control_, POLLIN, 0},
                                {lifeline_, POLLIN | POLLRDHUP, 0},
                                {deadline.fd(), POLLIN, 0}}};
  wait_for(wanted);
  if (wanted[0].revents != 0) return read_setup_message(tool_control_, kind);
  if (wanted[1].revents != 0) return read_setup_message(init_control_, kind);
  if (wanted[2].revents != 0) throw LifelineClosed{};
  throw KernelError("set up the sandbox", "in time", ETIMEDOUT, "the host is overloaded");
}

InitMessage Watch::read_setup_message(int socket, std::size_t kind) {
  const auto received = receive_message(socket, max_init_message, 0);
  if (!received || received->bytes.empty()) {
    if (cgroup_.oom_kills() > 0)
      throw KernelError("set up the sandbox", "within memory_bytes", ENOMEM, "give the job more memory");
    throw KernelError("set up the sandbox", "it ended early", ECHILD);
  }
  auto message = decode_init_message(received->bytes);
  if (!message) throw KernelError("decode a message", "from the sandbox", EBADMSG);
  if (const auto* failed = std::get_if<StepFailed>(&*message))
    throw KernelError(failed->step, failed->object, failed->error, failed->remedy);
  if (message->index() != kind || !received->sender_pid) throw KernelError("follow the sandbox", "out of step", EPROTO);
  tool_pid_ = *received->sender_pid;
  return *message;
}

Ending Watch::until_the_end(const Limits& limits) {
  cpu_before_ = std::chrono::microseconds(cgroup_.cpu_us());
  wall_.arm(std::chrono::milliseconds(limits.wall_ms));
  cpu_.arm(0ns);
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

// End of file is the exec; anything else says why there was none.
std::optional<Ending> Watch::tool_said() {
  const auto received = receive_message(tool_control_, max_init_message, 0);
  tool_control_ = received && !received->bytes.empty() ? tool_control_ : -1;
  if (tool_control_ < 0) return std::nullopt;
  const auto message = decode_init_message(received->bytes);
  if (const auto* failed = message ? std::get_if<ToolExecFailed>(&*message) : nullptr)
    exec_failed_ = ExecFailed{exit_code_for(failed->error), failed->step, failed->error};
  return std::nullopt;
}

std::optional<Ending> Watch::init_said() {
  const auto received = receive_message(init_control_, max_init_message, 0);
  init_control_ = received && !received->bytes.empty() ? init_control_ : -1;
  if (init_control_ < 0) return std::nullopt;  // the pidfd tells the rest
  const auto message = decode_init_message(received->bytes);
  if (const auto* end = message ? std::get_if<ToolEnded>(&*message) : nullptr) return ended(end->status);
  return Vanished{"pid 1 of the sandbox failed"};
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
  const auto earliest = std::chrono::nanoseconds(budget - used) * 1000 / static_cast<long>(limits.cpus_milli);
  cpu_.arm(std::max<std::chrono::nanoseconds>(earliest, shortest_cpu_check));
  return std::nullopt;
}

}  // namespace cordon
