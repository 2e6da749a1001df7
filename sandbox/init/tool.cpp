#include "sandbox/init/tool.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <span>

#include "sandbox/init/landlock.hpp"
#include "sandbox/init/rights.hpp"
#include "sandbox/init/self_probe.hpp"
#include "sandbox/init/workspace_files.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/payload.hpp"

namespace cordon {
namespace {

// By write(2) and read(2): the filter of every profile allows those.
void tell_launcher(const InitMessage& message) {
  const auto bytes = encode(message);
  check(::write(tool_control_fd, bytes.data(), bytes.size()), "write to the launcher");
}

void await_launcher(std::string_view expected) {
  char answer = 0;
  const auto n = check(::read(tool_control_fd, &answer, 1), "read from the launcher");
  if (n != 1 || answer != expected[0]) ::_exit(EXIT_FAILURE);  // it gave up on us
}

// The namespace belongs to whoever makes it, and the kernel charges that user, too, for what is used in it (ucounts of
// RLIMIT_SIGPENDING and the like): not root, whom all jobs and the host would then share, but an id of this job alone.
// All three ids change: before Linux 6.16 an execve(2) under no_new_privs falls back to the real one when they differ.
void enter_user_namespace(std::uint32_t owner) {
  check(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "keep the capabilities");
  check(::setresuid(owner, owner, owner), "become the owner of the user namespace");
  check(::unshare(CLONE_NEWUSER), "enter a user namespace");
  tell_launcher(UserNamespaceEntered{});
  await_launcher(maps_written);
}

Payload read_payload(const MappedFile& file) {
  auto payload = decode_payload(file.bytes());
  if (!payload) throw KernelError("decode the payload", "", EINVAL, "cordond sent what init does not accept");
  return std::move(*payload);
}

// execve(2) wants arrays of pointers.
class Program {
 public:
  Program(const std::vector<std::string>& argv, const std::vector<std::string>& env)
      : argv_(pointers(argv)), env_(pointers(env)) {}

  const char* name() const { return argv_[0]; }
  char* const* argv() const { return argv_.data(); }
  char* const* env() const { return env_.data(); }

 private:
  static std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
  }
  std::vector<char*> argv_, env_;
};

// As a shell says it: 127 when there is no such program, 126 when it cannot be executed.
[[noreturn]] void refuse_to_execute(const char* step, const std::string& object, int error) {
  const auto reason = "cordon: " + object + ": " + std::strerror(error) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, reason.data(), reason.size());
  tell_launcher(ToolExecFailed{step, error});
  ::_exit(error == ENOENT ? 127 : 126);
}

[[noreturn]] void execute(const Program& program, const std::string& cwd) {
  if (::chdir("/work") < 0 || ::chdir(cwd.c_str()) < 0)
    refuse_to_execute("chdir", cwd, errno == ENOENT ? ENOTDIR : errno);
  environ = const_cast<char**>(program.env());  // execvp(3) looks in the PATH of the job, not of pid 1
  ::execvp(program.name(), program.argv());
  refuse_to_execute("exec", program.name(), errno);
}

// Until the exec the descriptor table is pid 1's too, so nothing that it needs is closed here; the exec closes it all.
void close_on_exec_but_standard_streams() {
  check(::syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC)),
        "set close-on-exec");
}

// pid 1 watches over its children by a signal that it blocks.
void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  check(::sigprocmask(SIG_SETMASK, &none, nullptr), "unblock signals");
}

void await_pid_1(Bells bells) {
  std::uint64_t rung = 0;
  check(::read(bells.of_pid_1, &rung, sizeof rung), "wait for pid 1");
}

// The table is this process's alone by now, and still has what pid 1 keeps. By close(2), which every filter allows.
void close_what_is_of_pid_1() {
  constexpr int past_all = 32;  // a dozen was ever open
  for (int fd = STDERR_FILENO + 1; fd < past_all; ++fd)
    if (fd != tool_control_fd && fd != init_payload_fd) ::close(fd);
}

// The filter that the tool will have, answered by pid 1.
void load_own_filter(const InitPlan& plan, Bells bells) {
  auto listener = load_filter_with_listener(plan.filter);
  const std::uint64_t listener_and_one = static_cast<std::uint64_t>(listener.release()) + 1;
  check(::write(bells.filter_is_loaded, &listener_and_one, sizeof listener_and_one), "ring for pid 1");
  await_pid_1(bells);
}

void leave_open(int fd) {
  check(::fcntl(fd, F_SETFD, 0), "leave a descriptor open", std::to_string(fd));
}

// Before there is a job, and once the launcher has read back what confines us: the interpreter talks to it from here
// on.
[[noreturn]] void execute_ahead(const Interpreter& interpreter) {
  const Program program(interpreter.argv, interpreter.env);
  await_launcher(go);
  check(::chdir("/work"), "chdir to", "/work");
  for (const int fd : {tool_control_fd, init_payload_fd, init_library_fd}) leave_open(fd);
  environ = const_cast<char**>(program.env());
  ::execvp(program.name(), program.argv());
  throw KernelError("start ahead of the jobs", program.name(), errno,
                    "install it in the image, or take it out of \"prestart\"");
}

void add(ReadBack& facts, const ReadBack& more) {
  facts.insert(facts.end(), more.begin(), more.end());
}

void leave_session() {
  check(::setsid(), "start a session");
}

// The table of contents: what is given up, in order. Nothing of the client is read, nor is it there, before all is
// gone.
void become_tool(const InitPlan& plan, Bells bells) {
  unblock_signals();
  leave_session();
  enter_user_namespace(plan.init_uid);
  auto facts = forbid_new_namespaces(Fd(init_limits_fd));
  bound_capabilities(plan.capabilities);
  take_identity(plan.inside_uid);
  die_with_parent();
  join_new_session_keyring();
  forbid_new_privileges();
  add(facts, restrict_with_landlock(plan));
  reduce_capabilities(plan.capabilities);
  close_on_exec_but_standard_streams();
  set_resource_limits(plan.rlimits);
  load_own_filter(plan, bells);
  tell_launcher(probe_confinement(plan, facts));
  if (!plan.interpreter.argv.empty()) execute_ahead(plan.interpreter);
  await_pid_1(bells);
  close_what_is_of_pid_1();

  const MappedFile payload(init_payload_fd, "the payload");
  const auto job = read_payload(payload);
  write_workspace_files(job.files);
  const Program program(job.argv, job.env);
  tell_launcher(JobRead{});
  await_launcher(go);
  execute(program, job.cwd);
}

}  // namespace

// Nothing leaves this function: behind it is the code of pid 1, with whose descriptors this process must not meddle.
void run_tool(const InitPlan& plan, Bells bells) {
  try {
    try {
      become_tool(plan, bells);
    } catch (const KernelError& e) {
      tell_launcher(StepFailed{e.step, e.object, e.error, e.remedy});
    } catch (const std::bad_alloc&) {
      tell_launcher(StepFailed{"allocate memory", "before the tool", ENOMEM, "give the job more memory"});
    }
  } catch (const std::exception&) {
    ::_exit(EXIT_FAILURE);  // mute: pid 1 tells the launcher that this process ended
  }
  ::_exit(EXIT_FAILURE);
}

}  // namespace cordon
