// cordon-init: pid 1 of one sandbox.
//
// The launcher's clone child has already entered the cgroup and every namespace but the user namespace, and has pivoted
// into the image; it starts this program from a sealed memfd with the descriptors of InitFd. Then:
//
//   pid 1   forks the tool's process, gives up every right it has, and only waits: for the tool, whose status it
//           reports, or for the launcher to go away; meanwhile it answers and counts what the tool's filter refuses.
//           When it exits, the kernel kills everything else in the sandbox.
//   child   gives up one right per line (become_tool in tool.cpp), shows the launcher that they are gone, and waits for
//           the job. Only this child, and only behind all that will confine the tool, reads what a client wrote; it
//           executes the tool when it is told to.
//
// pid 1 stays in the initial user namespace under a host uid of its own, without capabilities: the tool, in a user
// namespace with one other id, can neither signal nor trace nor limit it.
//
// Runs in: the sandbox; starts as root, ends as nobody.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "sandbox/init/notifications.hpp"
#include "sandbox/init/rights.hpp"
#include "sandbox/init/tool.hpp"
#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/kernel/shared_memory.hpp"

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

Fd make_bell() {
  return Fd(check(::eventfd(0, EFD_CLOEXEC), "make an eventfd"));
}

// The tool's process shares this one's descriptor table until it has its job: so the listener of its filter is here,
// too, and the descriptors of its job are there.
pid_t fork_sharing_descriptors() {
  return static_cast<pid_t>(
      check(::syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr), "fork the tool"));
}

// Waits until the tool has ended, and meanwhile answers the calls that its filter refuses.
class Vigil {
 public:
  Vigil(const InitPlan& plan, DenialTable& record, Fd children, Fd bell, Fd answer)
      : plan_(plan),
        record_(record),
        children_(std::move(children)),
        bell_(std::move(bell)),
        answer_(std::move(answer)) {}

  // The tool's wait status. Does not return when the launcher goes away first: then everything here dies with us.
  int wait_for(pid_t tool) {
    for (;;)
      if (look())
        if (const auto status = reap(tool)) return *status;
  }

 private:
  // True when a child has ended.
  bool look() {
    std::array<pollfd, 4> wanted{{{init_control_fd, POLLIN, 0},
                                  {children_.get(), POLLIN, 0},
                                  {bell_.get(), POLLIN, 0},
                                  {denied_ ? denied_->fd() : -1, POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0) {
      if (errno != EINTR) check(-1, "poll");
      return false;
    }
    if (wanted[0].revents != 0) hear_launcher();
    if (wanted[1].revents != 0) read_from(children_, &signal_, sizeof signal_);
    if (wanted[2].revents != 0) take_listener();
    if ((wanted[3].revents & POLLIN) != 0) denied_->answer();
    if (wanted[3].revents == POLLHUP) denied_.reset();  // nobody is left whom it could concern
    return wanted[1].revents != 0;
  }

  // The launcher has gone, or it has a job.
  void hear_launcher() {
    auto message = receive_message(init_control_fd, job_is_here.size(), job_here_fd_count);
    if (!message) return;
    if (message->bytes == job_for_interpreter && message->fds.empty()) return leave_the_rest();
    if (message->bytes != job_is_here || message->fds.size() != job_here_fd_count) ::_exit(EXIT_FAILURE);
    put(message->fds[0], init_payload_fd, O_CLOEXEC);
    put(message->fds[1], STDIN_FILENO, 0);
    message->fds.clear();
    keep_own_descriptors();
    ring(answer_);
    answer_.reset();
  }

  // The tool's process has a table of its own since it executed the interpreter.
  void leave_the_rest() {
    answer_.reset();
    keep_own_descriptors();
    send_message(init_control_fd, encode(InitMessage(DescriptorsLeft{})));
  }

  static void put(const Fd& fd, int number, int flags) {
    check(::dup3(fd.get(), number, flags), "put a descriptor of the job in its place");
  }

  // The tool's process has the table to itself from here on.
  void keep_own_descriptors() {
    std::vector<int> kept{init_control_fd, children_.get(), answer_.get(), denied_ ? denied_->fd() : -1};
    std::erase(kept, -1);
    std::sort(kept.begin(), kept.end());
    keep_only(kept);
  }

  // The filter is in place: from here on only the calls of init_calls() (own_filters.hpp).
  void take_listener() {
    std::uint64_t listener_and_one = 0;
    read_from(bell_, &listener_and_one, sizeof listener_and_one);
    if (listener_and_one == 0) return;  // nobody rang
    bell_.reset();
    denied_.emplace(Fd(static_cast<int>(listener_and_one) - 1), plan_.refusals, record_);
    load_filter(plan_.init_filter);
    ring(answer_);
  }

  static void ring(const Fd& bell) {
    constexpr std::uint64_t once = 1;
    check(::write(bell.get(), &once, sizeof once), "ring for the tool's process");
  }

  static void read_from(const Fd& fd, void* into, std::size_t size) {
    ssize_t n = 0;
    do n = ::read(fd.get(), into, size);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) check(n, "read", "what rang");
  }

  const InitPlan& plan_;
  DenialTable& record_;
  Fd children_, bell_;
  Fd answer_;  // until the job is here
  std::optional<Notifications> denied_;
  signalfd_siginfo signal_{};
};

InitPlan read_plan() {
  const MappedFile file(init_plan_fd, "the plan");
  auto plan = decode_init_plan(file.bytes());
  if (!plan) throw KernelError("decode the plan", "", EINVAL);
  return *plan;
}

void tell(const KernelError& e) {
  send_message(init_control_fd, encode(InitMessage(StepFailed{e.step, e.object, e.error, e.remedy})));
}

void hold_sandbox() {
  const auto plan = read_plan();
  check(::prctl(PR_SET_DUMPABLE, 0), "become non-dumpable");
  reset_signals();
  const Shared<DenialTable> record(init_denials_fd);
  auto children = watch_children();
  auto bell = make_bell(), answer = make_bell();
  const auto tool = fork_sharing_descriptors();
  if (tool == 0) run_tool(plan, {bell.get(), answer.get()});  // does not return
  std::optional<Vigil> vigil;
  try {
    give_up_everything(plan.init_uid);
    vigil.emplace(plan, *record, std::move(children), std::move(bell), std::move(answer));
    send_message(init_control_fd, encode(InitMessage(ToolEnded{vigil->wait_for(tool)})));
  } catch (const KernelError& e) {
    tell(e);  // before the bells are closed, for that is a failure which the tool's process would tell first
    ::_exit(EXIT_FAILURE);
  }
}

}  // namespace
}  // namespace cordon

int main() {
  try {
    cordon::hold_sandbox();
    return EXIT_SUCCESS;
  } catch (const cordon::KernelError& e) {
    cordon::tell(e);
  }
  return EXIT_FAILURE;
}
