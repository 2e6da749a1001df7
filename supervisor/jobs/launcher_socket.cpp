#include "supervisor/jobs/launcher_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/report.hpp"

namespace cordon {
namespace {

constexpr int backlog_retries = 200;
constexpr auto backlog_pause = std::chrono::milliseconds(10);

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw KernelError("connect to the launcher", path, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

awaitable<LauncherSocket> LauncherSocket::connect(std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  const auto address = address_of(path);
  Fd fd(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "create a socket"));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  asio::steady_timer timer(executor);
  // EAGAIN is a full backlog, and no event says when it is not (connect(2)): the one accepted re-check.
  for (int tries = 0; ::connect(fd.get(), generic, sizeof address) < 0; ++tries) {
    if (errno != EAGAIN || tries == backlog_retries) {
      throw KernelError("connect to the launcher", path, errno, launcher_remedy);
    }
    timer.expires_after(backlog_pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
  asio::posix::stream_descriptor descriptor(executor, fd.release());
  co_return LauncherSocket(std::move(descriptor));
}

void LauncherSocket::send(std::string_view message, const std::vector<int>& fds) {
  // One small message on a fresh socket always fits into its buffer.
  if (!send_message(socket_.native_handle(), message, fds)) throw KernelError("send to the launcher", "", EAGAIN);
}

awaitable<ReceivedMessage> LauncherSocket::receive() {
  for (;;) {
    auto message = try_receive();
    if (message) co_return std::move(*message);
    const bool readable = co_await until_readable();
    if (!readable) throw KernelError("wait for the launcher", "", ETIMEDOUT, "look into the log of cordon-launcher");
  }
}

awaitable<bool> LauncherSocket::until_readable() {
  const auto [error] = co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, as_result);
  co_return !error;
}

// The kernel tells of a reset once, to whoever asks first: to the read, or, when it came while that went on, to who
// looks after the end of the file.
std::optional<ReceivedMessage> LauncherSocket::try_receive() {
  auto message = receive_message(socket_.native_handle(), max_message, prepared_fd_count);
  if (message && message->was_reset) unread_ = true;
  if (message && message->bytes.empty()) look_for_reset();
  return message;
}

void LauncherSocket::look_for_reset() {
  int error = 0;
  socklen_t size = sizeof error;
  check(::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size), "look at the launcher's socket");
  if (error == ECONNRESET) unread_ = true;
}

bool LauncherSocket::is_open() const {
  pollfd state{const_cast<asio::posix::stream_descriptor&>(socket_).native_handle(), POLLIN | POLLRDHUP, 0};
  return ::poll(&state, 1, 0) == 0;
}

void LauncherSocket::half_close() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

void LauncherSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace cordon
