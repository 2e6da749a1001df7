#include "tests/rules/trial.hpp"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {
namespace {

constexpr long not_returned = 1L << 40;
constexpr int patience_ms = 20000;

int must(int answer) {
  if (answer < 0) ::abort();  // in the child: the trial fails, and its cause is in strace
  return answer;
}

int file_with_bytes(const char* name) {
  const int fd = must(::open(name, O_CREAT | O_RDWR, 0600));
  must(static_cast<int>(::pwrite(fd, "bytes of a file", 15, 0)));
  return fd;
}

int listen_at(const char* path, int client) {
  sockaddr_un address{AF_UNIX, {}};
  std::string_view(path).copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = must(::socket(AF_UNIX, SOCK_STREAM, 0));
  must(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  must(::listen(fd, 4));
  must(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address));
  return fd;
}

void make_sockets(Things& t) {
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, t.pair.data()));
  for (const int fd : t.pair) must(static_cast<int>(::write(fd, "x", 1)));
  t.local = must(::socket(AF_UNIX, SOCK_STREAM, 0));
  t.listener = listen_at("socket", must(::socket(AF_UNIX, SOCK_STREAM, 0)));
  t.tcp = must(::socket(AF_INET, SOCK_STREAM, 0));
  t.udp = must(::socket(AF_INET, SOCK_DGRAM, 0));
  t.udp6 = must(::socket(AF_INET6, SOCK_DGRAM, 0));
}

void make_signals() {
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM}) ::signal(number, [](int) {});
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  must(::sigprocmask(SIG_BLOCK, &blocked, nullptr));
  must(::raise(SIGUSR2));
}

// Ended, but not yet waited for.
pid_t ended_child() {
  const pid_t child = must(::fork());
  if (child == 0) ::_exit(0);
  siginfo_t info;
  must(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT));
  return child;
}

void load(const std::string& bpf) {
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const sock_fprog program{static_cast<unsigned short>(bpf.size() / sizeof(sock_filter)),
                           reinterpret_cast<sock_filter*>(const_cast<char*>(bpf.data()))};
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

class Directory {
 public:
  Directory() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_ = "/tmp/cordon-rules-XXXXXX";
};

struct SharedAnswer {
  SharedAnswer()
      : at(static_cast<long*>(
            ::mmap(nullptr, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    if (at == MAP_FAILED) throw std::runtime_error("mmap");
    *at = not_returned;
  }
  ~SharedAnswer() { ::munmap(at, sizeof(long)); }
  SharedAnswer(const SharedAnswer&) = delete;
  SharedAnswer& operator=(const SharedAnswer&) = delete;
  long* at;
};

// Its status; a child that takes too long is killed.
int end_of(pid_t child) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd end{pidfd.get(), POLLIN, 0};
  if (::poll(&end, 1, patience_ms) != 1) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

Things make_things() {
  Things t;
  t.file = file_with_bytes("file");
  t.other = file_with_bytes("other");
  must(::mkdir("directory", 0700));
  t.directory = must(::open("directory", O_RDONLY | O_DIRECTORY));
  must(::symlink("file", "link"));
  int ends[2];
  must(::pipe(ends));
  must(static_cast<int>(::write(ends[1], "x", 1)));
  t.pipe = ends[0];
  make_sockets(t);
  t.epoll = must(::epoll_create1(0));
  t.timerfd = must(::timerfd_create(CLOCK_MONOTONIC, 0));
  t.terminal = must(::open("/dev/ptmx", O_RDWR | O_NOCTTY));
  sigevent silent{};
  silent.sigev_notify = SIGEV_NONE;
  must(static_cast<int>(::syscall(SYS_timer_create, CLOCK_MONOTONIC, &silent, &t.timer)));
  t.self = ::getpid();
  t.uid = ::getuid();
  t.gid = ::getgid();
  t.ended_child = ended_child();
  must(static_cast<int>(::syscall(SYS_arch_prctl, ARCH_GET_FS, &t.thread_pointer)));
  for (unsigned i = 0; i < t.limits.size(); ++i)
    must(static_cast<int>(::syscall(SYS_prlimit64, 0, i, nullptr, &t.limits[i])));
  make_signals();
  return t;
}

long raw_call(long number, const std::array<long, 6>& args) {
  long answer = number;
  register long r10 asm("r10") = args[3];
  register long r8 asm("r8") = args[4];
  register long r9 asm("r9") = args[5];
  asm volatile("syscall"
               : "+a"(answer)
               : "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return answer;
}

void leave() {
  for (;;) {
    call(SYS_exit_group, 0);
    call(SYS_exit, 0);
    __builtin_trap();
  }
}

Trial try_under(const std::string& bpf, const std::function<long(const Things&)>& use) {
  const Directory directory;
  const SharedAnswer answer;
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    must(::prctl(PR_SET_DUMPABLE, 0));  // some of them crash, and nobody wants their cores
    for (const int fatal : {SIGSEGV, SIGILL, SIGBUS, SIGABRT, SIGTRAP})
      ::signal(fatal, SIG_DFL);  // nor the runner's tale
    must(::chdir(directory.path()));
    auto things = make_things();
    things.answer = answer.at;
    load(bpf);
    *answer.at = use(things);
    leave();
  }
  const int status = end_of(child);
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return {*answer.at != not_returned && (ended_well || *answer.at < 0), *answer.at};
}

}  // namespace cordon::test
