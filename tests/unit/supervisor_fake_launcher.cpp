#include "tests/unit/supervisor_fake_launcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdio>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/report.hpp"

namespace cordon::test {
namespace {

std::string read_memfd(const Fd& fd) {
  const auto seals = check(::fcntl(fd.get(), F_GET_SEALS), "read the seals");
  if ((seals & F_SEAL_WRITE) == 0) throw KernelError("take a memfd", "that is not sealed", EPERM);
  struct stat facts {};
  check(::fstat(fd.get(), &facts), "look at a memfd");
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  check(::pread(fd.get(), bytes.data(), bytes.size(), 0), "read a memfd");
  return bytes;
}

struct Pipe {
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "make a pipe");
    read_end = Fd(ends[0]);
    write_end = Fd(ends[1]);
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(write_end.get(), bytes.data(), bytes.size());
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  Fd read_end, write_end;
};

void await_hang_up(const Fd& line) {
  char byte = 0;
  [[maybe_unused]] const auto n = ::recv(line.get(), &byte, 1, 0);
}

void send(const Fd& line, const LauncherMessage& message, const std::vector<int>& fds = {}) {
  send_message(line.get(), encode(message), fds);
}

void say(const std::vector<std::string>& argv, Pipe& out, Pipe& err) {
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view text = argv[i];
    if (text.starts_with("err:")) {
      err.write(text.substr(4));
    } else {
      out.write(text);
    }
  }
}

void leave(const std::string& path, const std::string& bytes, Pipe& artifacts) {
  artifacts.write(artifacts::encode(artifacts::FileBegin{path}));
  artifacts.write(artifacts::encode(artifacts::FileData{bytes}));
  artifacts.write(artifacts::encode(artifacts::FileEnd{bytes.size(), sha256(bytes)}));
}

Ending perform(const Payload& payload, std::string_view input, const Fd& line, Pipe& out, Pipe& err, Pipe& artifacts) {
  const auto& argv = payload.argv;
  if (argv[0] == "say") say(argv, out, err);
  if (argv[0] == "python3") out.write(argv.back());
  if (argv[0] == "echo-files") {
    for (const auto& file : payload.files) out.write(file.path + "=" + std::string(file.content) + "\n");
    out.write(input);
  }
  if (argv[0] == "exit") return Exited{static_cast<std::uint8_t>(std::stoi(argv.at(1)))};
  if (argv[0] == "flood") out.write(std::string(std::stoul(argv.at(1)), 'x'));
  if (argv[0] == "leave") leave(argv.at(1), argv.at(2), artifacts);
  if (argv[0] != "hold") return Exited{0};
  out.write("held");
  await_hang_up(line);
  return HungUp{};
}

}  // namespace

namespace {

// An empty sandbox's.
Fd events_of_nothing() {
  Fd events(check(::memfd_create("cgroup.events", MFD_CLOEXEC), "make a memfd"));
  const std::string_view text = "populated 0\nfrozen 0\n";
  check(::pwrite(events.get(), text.data(), text.size(), 0), "write a memfd");
  return events;
}

}  // namespace

FakeLauncher::FakeLauncher(std::string socket_path) : path_(std::move(socket_path)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  listener_ = Fd(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "make a socket"));
  check(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", path_);
  check(::listen(listener_.get(), 64), "listen on", path_);
  accepter_ = std::thread([this] { accept_all(); });
}

FakeLauncher::~FakeLauncher() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepter_.join();
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
  }
  end_idle();
  for (auto& session : sessions_) session.join();
  ::unlink(path_.c_str());
}

int FakeLauncher::idle() const {
  const std::lock_guard guard(mutex_);
  return static_cast<int>(idle_.size());
}

void FakeLauncher::end_idle() {
  const std::lock_guard guard(mutex_);
  for (const int line : idle_) ::shutdown(line, SHUT_RDWR);
}

struct FakeLauncher::Pipes {
  Pipe out, err, artifacts;
  Fd events = events_of_nothing();
};

void FakeLauncher::populate(const Pipes& pipes) {
  check(::pwrite(pipes.events.get(), "populated 1", 11, 0), "write a memfd");
  const std::lock_guard guard(mutex_);
  populated_.emplace_back(check(::dup(pipes.events.get()), "dup"));
}

void FakeLauncher::let_go() {
  const std::lock_guard guard(mutex_);
  for (const auto& events : populated_) check(::pwrite(events.get(), "populated 0", 11, 0), "write a memfd");
}

JobSpec FakeLauncher::last_spec() {
  const std::lock_guard guard(mutex_);
  return last_;
}

Preparation FakeLauncher::last_preparation() {
  const std::lock_guard guard(mutex_);
  return last_prepared_;
}

std::vector<int> FakeLauncher::serials() {
  const std::lock_guard guard(mutex_);
  return serials_;
}

void FakeLauncher::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    sessions_.emplace_back([this, fd] { serve(Fd(fd)); });
  }
}

void FakeLauncher::serve(Fd line) {
  const auto message = receive_message(line.get(), max_message, 0);
  if (!message || message->bytes.empty()) return;
  if (is_hello(message->bytes)) {
    send(line, Ready{"fake", {{"kernel", "fake"}}, {"host"}, {}}, {latch_.get()});
    const std::lock_guard guard(mutex_);
    greeted_.push_back(std::move(line));  // open as long as this launcher lives
    return;
  }
  const auto preparation = decode_preparation(message->bytes);
  if (!preparation) return;
  try {
    prepare(line, *preparation);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fake launcher: %s\n", e.what());  // cordond may have gone: then there is nobody to tell
  }
}

void FakeLauncher::prepare(const Fd& line, const Preparation& preparation) {
  const int serial = ++prepared_;
  if (refuses_) return send(line, Finished{SetupFailed{"prepare", "/p", 1, "be root"}, {}, {}, {}});
  Pipes pipes;
  send(line, Prepared{{{"seccomp", "2"}}, {}},
       {pipes.out.read_end.get(), pipes.err.read_end.get(), pipes.artifacts.read_end.get(), pipes.events.get()});
  for (auto* pipe : {&pipes.out, &pipes.err, &pipes.artifacts}) pipe->read_end.reset();
  const auto order = await_order(line);
  if (!order || order->bytes.empty()) return;
  const auto spec = decode_job_spec(order->bytes);
  if (!spec || order->fds.size() != job_fd_count) throw KernelError("decode the order", "", EPROTO);
  {
    const std::lock_guard guard(mutex_);
    last_ = *spec;
    last_prepared_ = preparation;
    serials_.push_back(serial);
  }
  if (!preparation.prestart.empty() && declining_ > 0) {
    --declining_;
    return send(line, Finished{Declined{"not this one"}, {}, {}, {}});
  }
  ++started_;
  ++alive_;
  try {
    play(line, pipes, order->fds, spec->generation);
  } catch (...) {
    --alive_;
    throw;
  }
  --alive_;
}

// nullopt: it ends with the order unread.
std::optional<ReceivedMessage> FakeLauncher::await_order(const Fd& line) {
  {
    const std::lock_guard guard(mutex_);
    if (ending_) return std::nullopt;
    idle_.insert(line.get());
  }
  pollfd state{line.get(), POLLIN, 0};
  ::poll(&state, 1, -1);
  {
    const std::lock_guard guard(mutex_);
    idle_.erase(line.get());
  }
  if (unread_ > 0 && unread_-- > 0) return std::nullopt;
  return receive_message(line.get(), max_message, job_fd_count);
}

// The first time a job says so: until cordond has engaged a kill switch.
void FakeLauncher::await_generation(std::uint64_t wanted) {
  if (waited_.exchange(true)) return;
  while (read_generation(latch_.get()) < wanted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void FakeLauncher::play(const Fd& line, Pipes& pipes, const std::vector<Fd>& memfds, std::uint64_t before) {
  const auto bytes = read_memfd(memfds[payload_fd]);
  const auto payload = decode_payload(bytes);
  const auto globs = decode_globs(read_memfd(memfds[globs_fd]));
  if (!payload || !globs) throw KernelError("decode the payload", "", EPROTO);
  if (payload->argv[0] == "go-deaf") return;
  if (payload->argv[0] == "refuse") return send(line, Finished{SetupFailed{"mount", "/x", 1, "be root"}, {}, {}, {}});
  if (payload->argv[0] == "hang" || payload->argv[0] == "vanish-alive") populate(pipes);
  if (payload->argv[0] == "wait-for-latch") await_generation(before + 1);
  if (read_generation(latch_.get()) != before) return send(line, Finished{Stale{}, {}, {}, {}});
  send(line, Started{{{"limits.pids", "64"}}});
  if (payload->argv[0] == "hang") return send(line, Finished{Hanging{}, {}, {}, {}});
  if (payload->argv[0] == "outlive") {
    await_hang_up(line);
    std::this_thread::sleep_for(std::chrono::seconds(6));  // longer than a receipt waits
  }
  if (payload->argv[0].starts_with("vanish")) return;
  if (payload->argv[0] == "leak") {
    pipes.out.write("leaked");
    const std::lock_guard guard(mutex_);
    leaked_.push_back(std::move(pipes.out.write_end));
  }
  const auto ending = perform(*payload, read_memfd(memfds[stdin_fd]), line, pipes.out, pipes.err, pipes.artifacts);
  if (!globs->empty()) pipes.artifacts.write(artifacts::encode(artifacts::End{}));
  const Usage usage{1500, 500, 4096, 1, std::nullopt, std::nullopt};
  send(
      line,
      Finished{ending, usage, {{"pids", 2, "fork"}}, {{"mounts", 250}, {"idle", 1000}, {"assign", 50}, {"run", 1500}}});
}

}  // namespace cordon::test
