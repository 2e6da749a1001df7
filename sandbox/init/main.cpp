// cordon-init: pid 1 of one sandbox.
//
// The launcher's clone child has already entered the cgroup and every namespace but the user namespace, and has pivoted
// into the image; it starts this program from a sealed memfd with the descriptors of InitFd. Then:
//
//   pid 1   forks the tool's process, gives up every right it has, and only waits: for the tool, whose status it
//   reports,
//           or for the launcher to go away. When it exits, the kernel kills everything else in the sandbox.
//   child   gives up one right per line (become_tool in tool.cpp), shows the launcher that they are gone, and executes
//           the tool when it is told to. Only this child, and only after its rights are gone, reads what a client
//           wrote.
//
// pid 1 stays in the initial user namespace under a host uid of its own, without capabilities: the tool, in a user
// namespace with one other id, can neither signal nor trace nor limit it.
//
// Runs in: the sandbox; starts as root, ends as nobody.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "sandbox/init/rights.hpp"
#include "sandbox/init/tool.hpp"
#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/message_socket.hpp"

namespace cordon {
namespace {

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Fd watch_children() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  check(::sigprocmask(SIG_BLOCK, &child, nullptr), "block SIGCHLD");
  return Fd(check(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), "make a signalfd"));
}

// The tool's wait status once it has ended; reaps whatever else was left to pid 1.
std::optional<int> reap(pid_t tool) {
  std::optional<int> ended;
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
    if (pid == tool) ended = status;
  return ended;
}

// Does not return when the launcher goes away first: then everything here dies with us.
int wait_for_tool(pid_t tool, const Fd& children) {
  for (;;) {
    // First, for a tool that ended before SIGCHLD was watched rings no bell.
    if (const auto status = reap(tool)) return *status;
    std::array<pollfd, 2> wanted{{{children.get(), POLLIN, 0}, {init_control_fd, POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
    if (wanted[1].revents != 0) ::_exit(EXIT_FAILURE);
    signalfd_siginfo info{};
    while (::read(children.get(), &info, sizeof info) > 0) {
    }
  }
}

InitPlan read_plan() {
  const MappedFile file(init_plan_fd, "the plan");
  auto plan = decode_init_plan(file.bytes());
  if (!plan) throw KernelError("decode the plan", "", EINVAL);
  return *plan;
}

void hold_sandbox() {
  const auto plan = read_plan();
  check(::prctl(PR_SET_DUMPABLE, 0), "become non-dumpable");
  reset_signals();
  const auto tool = check(::fork(), "fork the tool");
  if (tool == 0) run_tool(plan);  // does not return
  keep_only(init_control_fd);
  give_up_everything(plan.init_uid);
  const auto children = watch_children();
  send_message(init_control_fd, encode(InitMessage(ToolEnded{wait_for_tool(tool, children)})));
}

}  // namespace
}  // namespace cordon

int main() {
  try {
    cordon::hold_sandbox();
    return EXIT_SUCCESS;
  } catch (const cordon::KernelError& e) {
    cordon::send_message(cordon::init_control_fd,
                         encode(cordon::InitMessage(cordon::StepFailed{e.step, e.object, e.error, e.remedy})));
  }
  return EXIT_FAILURE;
}
