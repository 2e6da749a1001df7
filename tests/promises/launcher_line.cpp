#include "tests/promises/launcher_line.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/payload.hpp"

namespace cordon::test {

// Credentials belong to a thread (nptl(7)), and a socket keeps those that it was connected with.
Fd connect_as(uid_t uid, const std::string& path) {
  Fd line(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"));
  int error = 0;
  std::thread([&] {
    ::syscall(SYS_setresuid, uid, uid, uid);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(line.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) error = errno;
  }).join();
  if (error != 0) throw KernelError("connect to", path, error);
  return line;
}

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

LauncherMessage expect_message(const std::optional<ReceivedMessage>& received) {
  auto message = received ? decode_launcher_message(received->bytes) : std::nullopt;
  if (!message) throw std::runtime_error("the launcher said nothing, or nothing that can be decoded");
  return *message;
}

}  // namespace

LauncherLine::LauncherLine(const Instance& instance)
    : socket_path_(instance.launcher_socket()),
      uid_(instance.whose().first_uid - 16),
      line_(connect_as(uid_, socket_path_)) {
  send_message(line_.get(), encode_hello());
  auto answer = receive_message(line_.get(), max_message, ready_fd_count);
  ready_ = std::get<Ready>(expect_message(answer));
  page_fd_ = std::move(answer->fds.at(0));
  page_.emplace(page_fd_);
}

Ending LauncherLine::run(std::uint64_t generation, const std::vector<std::string>& argv) const {
  const auto payload = sealed_memfd("payload", encode(Payload{argv, {"PATH=/usr/bin:/bin"}, ".", {}}));
  const auto nothing = sealed_memfd("stdin", "");
  const auto globs = sealed_memfd("globs", encode_globs({}));
  return run_with(generation, {payload.get(), nothing.get(), globs.get()});
}

Ending LauncherLine::run_with(std::uint64_t generation, const std::vector<int>& fds) const {
  const auto profile = std::find_if(ready_.profiles.begin(), ready_.profiles.end(),
                                    [](const auto& named) { return named.first == "default"; });
  JobSpec spec{"test", {}, generation};
  spec.limits = {5000, 5000, 1000, 64 * mib, 16, mib, 8 * mib, 100, mib, 64};
  const auto line = connect_as(uid_, socket_path_);
  send_message(line.get(), encode(Preparation{profile->second, "host"}));
  send_message(line.get(), encode(spec), fds);
  for (;;) {
    const auto message = expect_message(receive_message(line.get(), max_message, prepared_fd_count));
    if (const auto* finished = std::get_if<Finished>(&message)) return finished->ending;
  }
}

}  // namespace cordon::test
