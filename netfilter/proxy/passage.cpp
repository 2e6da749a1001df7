#include "netfilter/proxy/passage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace cordon::egress {

namespace {

// A page of a socket's buffer takes a place, however little of it is used.
constexpr int pipe_bytes = 1 << 20;

std::size_t move(int from, int to, std::size_t size, error_code& error) {
  ssize_t n = 0;
  do n = ::splice(from, nullptr, to, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  while (n < 0 && errno == EINTR);
  error = error_code(n < 0 ? errno : 0, boost::system::system_category());
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

}  // namespace

Passage::~Passage() {
  for (const int fd : {out_, in_})
    if (fd >= 0) ::close(fd);
}

bool Passage::open() {
  if (in_ >= 0) return true;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) return false;
  out_ = ends[0];
  in_ = ends[1];
  (void)::fcntl(in_, F_SETPIPE_SZ, pipe_bytes);  // of the usual size it does the same in smaller steps
  return true;
}

std::size_t Passage::take(tcp::socket& from, std::size_t size, error_code& error) {
  const auto taken = move(from.native_handle(), in_, size, error);
  if (taken == 0 && !error) error = asio::error::eof;
  return taken;
}

std::size_t Passage::give(tcp::socket& to, std::size_t size, error_code& error) {
  return move(out_, to.native_handle(), size, error);
}

std::string Passage::rest(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t had = 0; had < size;) {
    const auto n = ::read(out_, bytes.data() + had, size - had);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::logic_error("the passage has less than was taken");
    had += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace cordon::egress
