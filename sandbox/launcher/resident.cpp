#include "sandbox/launcher/resident.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/lifeline.hpp"
#include "sandbox/launcher/readback.hpp"

namespace cordon {

namespace {

constexpr int room_retry_ms = 100;  // until accept4 is tried again, unless a child ends before

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

Fd listen_for(const std::string& path, std::uint32_t owner) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw KernelError("listen at", path, ENAMETOOLONG, "use a shorter --runtime-dir (unix(7): 107 bytes)");
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open the launcher's socket"));
  ::unlink(path.c_str());
  const auto old_mask = ::umask(0177);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", path);
  ::umask(old_mask);
  check(::listen(socket.get(), SOMAXCONN), "listen at", path);
  check(::lchown(path.c_str(), owner, owner), "give away", path);
  return socket;
}

std::uint32_t uid_of_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  check(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size), "identify", "who connects");
  return peer.uid;
}

void log(const std::string& line) {
  fmt::print(stderr, "cordon-launcher: {}\n", line);
}

// The lifeline is fresh, so that one message always fits and this never blocks. Whoever hung up need not be told.
void try_to_refuse(int lifeline, const KernelError& why) {
  try {
    refuse_job(lifeline, why);
  } catch (const KernelError& e) {
    log(e.what());
  }
}

// The first steps of a per-sandbox launcher.
void settle_in(pid_t resident, int lifeline) {
  try {
    check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set the parent-death signal");
    if (::getppid() != resident) ::_exit(1);
    const auto set = handled_signals();
    check(::sigprocmask(SIG_UNBLOCK, &set, nullptr), "unblock signals");
  } catch (const KernelError& e) {
    try_to_refuse(lifeline, e);
    throw;
  }
}

}  // namespace

Resident::Resident(Host& host, Leases leases, const std::string& socket_path, std::uint32_t daemon_uid)
    : host_(host), leases_(std::move(leases)), socket_path_(socket_path), daemon_uid_(daemon_uid) {
  remember_own_namespaces();
  const auto set = handled_signals();
  check(::sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
  signals_.reset(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "make a signalfd"));
  listener_ = listen_for(socket_path_, daemon_uid_);
}

void Resident::serve() {
  for (bool has_room = true;;) {
    std::array<pollfd, 2> wanted{{{signals_.get(), POLLIN, 0}, {has_room ? listener_.get() : -1, POLLIN, 0}}};
    const int ready = ::poll(wanted.data(), wanted.size(), has_room && left_.empty() ? -1 : room_retry_ms);
    has_room = true;
    try_to_clean_up();
    if (ready < 0) continue;  // EINTR, ENOMEM: nothing that all jobs should end for
    if (wanted[0].revents != 0 && !handle_signals()) break;
    if (wanted[1].revents != 0) has_room = accept_lifeline();
  }
  end_all();
}

bool Resident::handle_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) reap();
    if (info.ssi_signo == SIGHUP) reload();
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) return false;
  }
  return true;
}

bool Resident::accept_lifeline() {
  Fd lifeline(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  // Without room for a descriptor who waits keeps the listener readable. Any other failure is of one caller that is
  // gone.
  if (!lifeline) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  serve_peer(std::move(lifeline));
  return true;
}

void Resident::serve_peer(Fd lifeline) {
  std::optional<Lease> lease;
  try {
    if (uid_of_peer(lifeline.get()) != daemon_uid_) return log("refused a peer that is not cordond");
    lease = leases_.take();
    serve_in_child(lifeline, lease);
  } catch (const KernelError& e) {
    log(e.what());
    try_to_refuse(lifeline.get(), e);
    if (lease) leases_.give_back(*lease);
  }
}

void Resident::serve_in_child(Fd& lifeline, std::optional<Lease> lease) {
  const auto resident = ::getpid();
  auto child = fork_with_pidfd();
  if (child.pid > 0) {
    const auto pid = child.pid;
    served_.emplace(pid, Served{lease, std::move(child)});
    return;
  }
  // From here on: the per-sandbox launcher.
  int code = 0;
  try {
    settle_in(resident, lifeline.get());
    host_.claim.reset();
    listener_.reset();
    signals_.reset();
    for (auto& [pid, other] : served_) other.process.pidfd.reset();
    serve_lifeline(std::move(lifeline), lease, host_);
  } catch (const std::exception& e) {
    log(e.what());
    code = 1;
  }
  ::_exit(code);
}

void Resident::reap() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
    auto found = served_.find(info.si_pid);
    if (found == served_.end()) {
      ::waitpid(info.si_pid, nullptr, 0);  // a compile child that outlived its wait
      continue;
    }
    auto ended = std::move(found->second);
    served_.erase(found);
    const auto code = ended.process.wait();
    after(std::move(ended), code);
  }
}

// The books are closed only when the job's cgroup is gone. A per-sandbox launcher that died early leaves it behind.
void Resident::after(Served ended, int code) {
  if (!ended.lease) return;
  const auto name = ended.lease->cgroup_name();
  if (!Cgroup::adopt(host_.cgroups, name).exists()) return leases_.give_back(*ended.lease);
  log(fmt::format("{} left its cgroup behind (code {}): cleaning up", name, code));
  left_.push_back(*ended.lease);
  try_to_clean_up();
}

// A host without room for a process has none for what should end here either: later, and nothing else waits for it.
void Resident::try_to_clean_up() {
  while (!left_.empty()) {
    const auto lease = left_.back();
    try {
      clean_up_after(lease);
    } catch (const KernelError& e) {
      return log(e.what());
    }
    left_.pop_back();
  }
}

// In a child, since a process that hangs in the kernel would otherwise stop us from serving the others.
void Resident::clean_up_after(Lease lease) {
  auto child = fork_with_pidfd();
  if (child.pid > 0) {
    const auto pid = child.pid;
    served_.emplace(pid, Served{lease, std::move(child)});
    return;
  }
  try {
    check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set the parent-death signal");
    host_.claim.reset();
    Cgroup::adopt(host_.cgroups, lease.cgroup_name()).destroy();
    ::_exit(0);
  } catch (const std::exception& e) {
    log(e.what());
  }
  ::pause();  // quarantined: the ids stay taken as long as this process lives
  ::_exit(1);
}

void Resident::reload() {
  try {
    host_.policy = load_policy(host_.config_file);
    log("reloaded");
  } catch (const std::exception& e) {
    log(fmt::format("kept the old configuration: {}", e.what()));
  }
}

void Resident::end_all() {
  listener_.reset();
  ::unlink(socket_path_.c_str());
  served_.clear();  // each destructor kills and reaps; init sees its launcher go and takes the sandbox with it
  for (const auto& name : sweep_cgroups(host_.cgroups).hanging)
    log(fmt::format("a process of {} hangs in the kernel and is left behind", name));
}

}  // namespace cordon
