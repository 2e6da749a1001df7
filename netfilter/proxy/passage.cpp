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
  if (n == 0) error = asio::error::eof;
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

}  // namespace

Passage::Ptr Passage::open() {
  if (idle_.empty()) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) return nullptr;
    (void)::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);  // of the usual size it does the same in smaller steps
    idle_.emplace_back(new Passage(ends[0], ends[1]));
  }
  Ptr out(idle_.back().release());
  idle_.pop_back();
  ++in_use_;
  return out;
}

// One that is empty is the next one's; what another was cut with goes with its pipe.
void Passage::GiveBack::operator()(Passage* passage) const {
  std::unique_ptr<Passage> returned(passage);
  --in_use_;
  if (returned->size_ == 0) idle_.push_back(std::move(returned));
}

Passage::~Passage() {
  ::close(out_);
  ::close(in_);
}

void Passage::take(tcp::socket& from, std::size_t size, error_code& error) {
  size_ += move(from.native_handle(), in_, size, error);
}

std::size_t Passage::give(tcp::socket& to, error_code& error) {
  const auto given = move(out_, to.native_handle(), size_, error);
  size_ -= given;
  return given;
}

std::string Passage::rest() {
  std::string bytes(size_, '\0');
  while (size_ > 0) {
    const auto n = ::read(out_, bytes.data() + (bytes.size() - size_), size_);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::logic_error("the passage has less than was taken");
    size_ -= static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace cordon::egress
