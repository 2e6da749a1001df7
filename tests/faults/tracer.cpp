#include "tests/faults/tracer.hpp"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "sandbox/kernel/check.hpp"
#include "tests/promises/process.hpp"

#ifndef __x86_64__
#error "registers are named as on x86_64"
#endif

namespace cordon::test {
namespace {

// A call that every filter lets through and that changes nothing. Not -1, which the job's filter kills for: it looks at
// what the tracer put there (ptrace comes first, seccomp(2)).
constexpr auto harmless_call = SYS_getpid;
constexpr int call_stop = SIGTRAP | 0x80;   // PTRACE_O_TRACESYSGOOD
constexpr int wake_signal = SIGURG;         // ignored by default, and seen by a tracer all the same
const std::string bystander = "bystander";  // of the resident's children those that only clean up behind

long options() {
  return PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
}

// A pid 1 that is traced survives its own faults (force_sig_info_to_task() in kernel/signal.c), and would run in
// circles.
bool is_fatal(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGABRT;
}

// A tracee can be killed at any moment: ESRCH is no failure, its end is reported next.
long ask(long request, pid_t pid, void* data) {
  return ::ptrace(static_cast<__ptrace_request>(request), pid, nullptr, data);
}

// What pid 1 may still do, as /proc/PID/status has it; "" is nothing, or it is gone.
std::string rights_of(pid_t pid) {
  std::istringstream status(read_text("/proc/" + std::to_string(pid) + "/status"));
  std::string rights;
  for (std::string line; std::getline(status, line);) {
    const bool is_set = line.starts_with("Cap") && !line.ends_with("\t0000000000000000");
    if (is_set || line == "NoNewPrivs:\t0") rights += line + "\n";
  }
  return rights;
}

std::string target_of(pid_t pid, std::uint64_t descriptor) {
  std::error_code error;
  const auto path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(descriptor);
  return std::filesystem::read_symlink(path, error).string();
}

int path_argument(const std::string& name) {
  static const std::set<std::string> first{"open",  "access", "chdir", "mkdir",  "rmdir",
                                           "chown", "mount",  "stat",  "fsopen", "execve"};
  static const std::set<std::string> second{"openat",   "openat2",  "newfstatat", "mkdirat", "mknodat",
                                            "fchownat", "fchmodat", "open_tree",  "execveat"};
  if (first.contains(name)) return 0;
  return second.contains(name) ? 1 : -1;
}

std::string text_at(pid_t pid, std::uint64_t address) {
  std::array<char, 256> text{};
  const iovec to{text.data(), text.size() - 1};
  // Not across the end of a page: what follows may not be there.
  const iovec from{reinterpret_cast<void*>(address), std::min<std::size_t>(to.iov_len, 4096 - address % 4096)};
  if (address == 0 || ::process_vm_readv(pid, &to, 1, &from, 1, 0) <= 0) return "";
  return text.data();
}

std::string role_of_child(const std::string& parent, unsigned ordinal) {
  if (parent == "resident") return "launcher";
  if (parent == "launcher" && ordinal == 1) return "sandbox";
  if (parent == "launcher" && ordinal == 2) return "collector";
  if (parent == "init" && ordinal == 1) return "tool";
  return parent + "/" + std::to_string(ordinal);
}

}  // namespace

Tracer::Tracer(pid_t resident) : resident_(resident), thread_([this] { follow(resident_); }) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ || ending_; });
  if (!ready_) {
    lock.unlock();
    thread_.join();
    throw KernelError("trace", "the resident launcher", EPERM);
  }
}

Tracer::~Tracer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake();
  thread_.join();  // the kernel detaches what is left with the thread that traced it (ptrace(2))
}

// The resident stops for it, and is told nothing of it.
void Tracer::wake() {
  ::kill(resident_, wake_signal);
}

void Tracer::start(Mode mode, bool with_resident, std::optional<Fault> fault) {
  {
    const std::lock_guard lock(mutex_);
    mode_ = mode;
    with_resident_ = with_resident;
    fault_ = std::move(fault);
    launch_ = {};
    init_ = -1;
    tracees_[resident_] = {.role = "resident", .launch = ++launches_};
  }
  if (with_resident) wake();
}

void Tracer::record() {
  start(Mode::record, false, {});
}

void Tracer::record_resident() {
  start(Mode::record, true, {});
}

void Tracer::inject(const Fault& fault) {
  start(Mode::inject, fault.call.role == "resident", fault);
}

void Tracer::stop() {
  start(Mode::idle, false, {});
}

Launch Tracer::launch() const {
  const std::lock_guard lock(mutex_);
  return launch_;
}

bool Tracer::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return launch_.over || launch_.injected; });
}

void Tracer::follow(pid_t resident) {
  const bool seized = ask(PTRACE_SEIZE, resident, reinterpret_cast<void*>(options())) == 0;
  {
    const std::lock_guard lock(mutex_);
    ready_ = seized;
    ending_ = !seized;
    tracees_[resident] = {.role = "resident"};
  }
  changed_.notify_all();
  while (seized) {
    int status = 0;
    const auto pid = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0 || !take(pid, status)) return;
  }
}

bool Tracer::take(pid_t pid, int status) {
  const std::lock_guard lock(mutex_);
  if (!WIFSTOPPED(status)) {
    forget(pid);
    return pid != resident_;
  }
  const auto found = tracees_.find(pid);
  if (found == tracees_.end()) {
    early_.insert(pid);
    return true;
  }
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  if (signal == call_stop) {
    take_call(pid, found->second);
  } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
    ask(PTRACE_LISTEN, pid, nullptr);  // stopped by a signal: let it be so
  } else if (event != 0) {
    take_event(pid, event);
  } else if (pid == resident_ && signal == wake_signal) {
    if (ending_) return ask(PTRACE_DETACH, pid, nullptr), false;
    go_on(pid);
  } else if (is_fatal(signal)) {
    ask(PTRACE_DETACH, pid, reinterpret_cast<void*>(static_cast<std::intptr_t>(signal)));
    tracees_.erase(pid);
  } else {
    go_on(pid, signal);
  }
  return true;
}

void Tracer::take_event(pid_t pid, int event) {
  auto& tracee = tracees_.at(pid);
  if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    if (ask(PTRACE_GETEVENTMSG, pid, &child) == 0) adopt(static_cast<pid_t>(child), tracee, ++tracee.children);
  }
  if (event == PTRACE_EVENT_EXEC) {
    if (tracee.role != "sandbox") return tool_starts(pid, tracee);
    tracee.role = "init";
    if (tracee.launch == launches_) init_ = pid;
    tracee.seen.clear();
  }
  go_on(pid);
}

// What follows is the client's.
void Tracer::tool_starts(pid_t pid, const Tracee& tool) {
  // As long as pid 1 is itself stopped at each of its calls, this would be a look at our own doing.
  const auto init = tracees_.find(init_);
  const bool is_ours = tool.launch == launches_ && tool.role == "tool" && mode_ == Mode::inject;
  if (is_ours && (init == tracees_.end() || !is_watched(init->second))) {
    eventually([this] { return rights_of(init_).empty(); }, std::chrono::seconds(1));
    launch_.rights_of_init = rights_of(init_);
  }
  ask(PTRACE_DETACH, pid, nullptr);
  tracees_.erase(pid);
}

void Tracer::adopt(pid_t pid, const Tracee& parent, unsigned ordinal) {
  const bool is_first = parent.role != "resident" || (ordinal == 1 && mode_ != Mode::idle);
  tracees_[pid] = {.role = is_first ? role_of_child(parent.role, ordinal) : bystander, .launch = parent.launch};
  if (is_first && parent.role == "resident") launch_.launcher = pid;
  if (early_.erase(pid) != 0) go_on(pid);
}

void Tracer::forget(pid_t pid) {
  tracees_.erase(pid);
  early_.erase(pid);
  if (pid != launch_.launcher) return;
  launch_.over = true;
  changed_.notify_all();
}

bool Tracer::is_watched(const Tracee& tracee) const {
  if (mode_ == Mode::idle || tracee.launch != launches_ || tracee.role == bystander) return false;
  if (mode_ == Mode::record) return with_resident_ == (tracee.role == "resident");
  return (!launch_.injected || fault_->how == How::lasting) && fault_->call.role == tracee.role;
}

bool Tracer::is_done_with(const Tracee& tracee) const {
  if (mode_ == Mode::idle || with_resident_ || tracee.launch != launches_ || tracee.role == bystander) return true;
  return launch_.injected && fault_->how != How::lasting && fault_->call.role != "init";
}

// Nobody is held longer than needed: what runs on by itself is as if there were no tracer.
void Tracer::go_on(pid_t pid, int signal) {
  const auto& tracee = tracees_.at(pid);
  auto* const data = reinterpret_cast<void*>(static_cast<std::intptr_t>(signal));
  if (is_watched(tracee)) {
    ask(PTRACE_SYSCALL, pid, data);
  } else if (is_done_with(tracee) && pid != resident_) {
    ask(PTRACE_DETACH, pid, data);
    tracees_.erase(pid);
  } else {
    ask(PTRACE_CONT, pid, data);
  }
}

void Tracer::take_call(pid_t pid, Tracee& tracee) {
  __ptrace_syscall_info info{};
  user_regs_struct registers{};
  const auto size = ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
  if (size > 0 && ask(PTRACE_GETREGS, pid, &registers) == 0) {
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && is_watched(tracee)) enter(pid, tracee, registers);
    if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee.spoiled) leave(pid, tracee, registers);
  }
  go_on(pid);
}

void Tracer::enter(pid_t pid, Tracee& tracee, user_regs_struct& registers) {
  const auto& r = registers;
  SystemCall call{tracee.role, call_name(static_cast<long>(r.orig_rax)), static_cast<long>(r.orig_rax),
                  0,           {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9}, {}};
  call.occurrence = ++tracee.seen[call.number];
  if (mode_ == Mode::record) {
    const auto path = path_argument(call.name);
    if (path >= 0) call.path = text_at(pid, call.arguments[static_cast<std::size_t>(path)]);
    if (call.name == "read" || call.name == "write") call.path = target_of(pid, call.arguments[0]);
    launch_.calls.push_back(std::move(call));
    return;
  }
  const auto& wanted = fault_->call;
  const bool is_late = fault_->how == How::lasting && call.occurrence > wanted.occurrence;
  if (call.number != wanted.number || (call.occurrence != wanted.occurrence && !is_late)) return;
  tracee.spoiled = registers;
  if (fault_->how == How::spoiled) return;
  if (fault_->how == How::shortened) {
    registers.rdx = 1;
  } else if (wanted.number == SYS_brk) {
    registers.rdi = 0;  // no error of brk(2) is negative: it answers where the heap ends, as ever
  } else {
    registers.orig_rax = harmless_call;
  }
  ask(PTRACE_SETREGS, pid, &registers);
}

// A system call changes no register but the one of its answer, and compilers rely on it: so the arguments are put back.
void Tracer::leave(pid_t pid, Tracee& tracee, user_regs_struct& registers) {
  const auto entry = *tracee.spoiled;
  tracee.spoiled.reset();
  registers.rdi = entry.rdi;
  registers.rdx = entry.rdx;
  const bool answers_itself = entry.orig_rax == SYS_brk || fault_->how == How::shortened;
  const bool is_believed_write = fault_->how == How::pretended && entry.orig_rax == SYS_write;
  if (is_believed_write)
    registers.rax = entry.rdx;
  else if (!answers_itself)
    registers.rax = static_cast<unsigned long long>(-static_cast<long long>(fault_->error));
  if (ask(PTRACE_SETREGS, pid, &registers) != 0) return;
  launch_.injected = true;
  changed_.notify_all();
}

}  // namespace cordon::test
