#include "cli/exchange.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "cli/failure.hpp"
#include "cli/terminal.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli {
namespace {

namespace http = boost::beast::http;
using std::chrono::steady_clock;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t piece = 64 << 10;
constexpr std::uint32_t most_header = 256 << 10;

std::string user_name() {
  const char* name = std::getenv("USER");
  return name == nullptr ? "$USER" : name;
}

std::string connect_remedy(const std::string& socket, int error) {
  const bool operators = socket.ends_with("/operator.sock");
  if (error == EACCES || error == EPERM) {
    return fmt::format(
        "only members of its group may open it: see `stat {}`; on an installed Cordon "
        "`usermod -aG {} {}`, then log in again",
        socket, operators ? "cordon-operators" : "cordon", user_name());
  }
  return "start it with `systemctl start cordond`; or from the sources with `./packaging/quickstart --keep "
         "--runtime-dir DIR`, and say `cordon --runtime-dir DIR …`";
}

[[noreturn]] void fail_to_connect(const std::string& socket, int error) {
  throw Failure(fmt::format("no Cordon answers at {}: {}", socket, std::strerror(error)),
                connect_remedy(socket, error));
}

[[noreturn]] void fail_in_time(const std::string& socket) {
  throw Failure(fmt::format("Cordon does not answer in time at {}", socket),
                "is cordond well? `cordon kill --all` and `release --all` work without it, as root");
}

std::chrono::milliseconds left_until(const Exchange::Deadline& deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

// A connection is waited for as a message is (unix(7)): while the queue of the socket is full.
void be_patient(const Fd& socket, const Exchange::Deadline& deadline) {
  if (!deadline) return;
  const auto left = std::max(left_until(deadline), std::chrono::milliseconds(1));
  const auto us = std::chrono::microseconds(left).count();
  const timeval patience{us / 1'000'000, us % 1'000'000};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
    throw Failure(fmt::format("cannot set a deadline: {}", std::strerror(errno)));
}

Fd connect_to(const std::string& path, const Exchange::Deadline& deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Failure(fmt::format("the socket's path is too long for unix(7): {}", path), "use a shorter --runtime-dir");
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) fail_to_connect(path, errno);
  for (;;) {
    be_patient(socket, deadline);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    if (errno == EAGAIN) fail_in_time(path);
    if (errno != EINTR) fail_to_connect(path, errno);
  }
}

// false: not by then.
bool wait_for(pollfd& wanted, const Exchange::Deadline& deadline) {
  for (;;) {
    if (deadline && steady_clock::now() >= *deadline) return false;  // also of who goes on and on
    const int patience = deadline ? static_cast<int>(left_until(deadline).count()) : -1;
    const int ready = ::poll(&wanted, 1, patience);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// What would begin another line, or end one too soon, is no part of either.
const std::string& one_line(const std::string& text, std::string_view also) {
  constexpr std::size_t most = 32 << 10;
  const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; };
  if (text.size() > most || text.find_first_of(also) != text.npos || std::any_of(text.begin(), text.end(), is_control))
    throw Failure(fmt::format("it cannot be asked for: {}", for_terminal(text.substr(0, 200))));
  return text;
}

std::string text_of(const Request& request) {
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(one_line(request.target, " \t"));
  message.set(http::field::host, "cordon");
  message.set(http::field::accept, "*/*");
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  for (const auto& header : request.headers) {
    const auto colon = header.find(": ");
    if (colon == std::string::npos) throw Failure("a header without a value: " + header);
    message.set(header.substr(0, colon), one_line(header.substr(colon + 2), ""));
  }
  if (!request.body.empty() || request.method == "POST") message.content_length(request.body.size());
  std::ostringstream head;
  head << message.base();
  return head.str() + request.body;
}

}  // namespace

struct Exchange::Parts {
  std::string path;
  Deadline deadline;
  Fd socket;
  http::response_parser<http::string_body> parser;
  std::string unread, broke;

  void send(std::string_view bytes);
  void parse();
};

// Whoever answers before all is said has heard enough.
void Exchange::Parts::send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd ready{socket.get(), POLLIN | POLLOUT, 0};
    if (!wait_for(ready, deadline)) fail_in_time(path);
    if ((ready.revents & POLLIN) != 0) return;
    const auto n = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) return;  // there may be an answer all the same
  }
}

void Exchange::Parts::parse() {
  while (!unread.empty() && !parser.is_done()) {
    ErrorCode error;
    const auto used = parser.put(boost::asio::buffer(unread), error);
    unread.erase(0, used);
    if (error == http::error::need_more) return;
    if (error) broke = error.message();
    if (error || used == 0) return;
  }
}

Exchange::Exchange(const std::string& socket_path, const Request& request, Deadline deadline)
    : parts_(std::make_unique<Parts>()) {
  parts_->path = socket_path;
  parts_->deadline = deadline;
  parts_->parser.eager(true);
  parts_->parser.header_limit(most_header);
  parts_->parser.body_limit(boost::none);
  const auto text = text_of(request);
  parts_->socket = connect_to(socket_path, deadline);
  parts_->send(text);
}

Exchange::~Exchange() = default;

int Exchange::fd() const {
  return parts_->socket.get();
}

bool Exchange::read() {
  auto& parts = *parts_;
  if (parts.parser.is_done() || !parts.broke.empty()) return false;
  static std::array<char, piece> bytes;
  const auto n = ::recv(parts.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n < 0) parts.broke = std::strerror(errno);
  if (n == 0) {
    ErrorCode error;
    if (parts.parser.got_some()) parts.parser.put_eof(error);
    if (!parts.parser.is_done()) parts.broke = "it ended before its answer did";
  }
  if (n > 0) parts.unread.append(bytes.data(), static_cast<std::size_t>(n));
  parts.parse();
  return !parts.parser.is_done() && parts.broke.empty();
}

void Exchange::read_to_the_end() {
  pollfd readable{fd(), POLLIN, 0};
  do {
    if (!wait_for(readable, parts_->deadline)) fail_in_time(parts_->path);
  } while (read());
  if (!broke().empty())
    throw Failure(fmt::format("the connection to Cordon broke: {}", broke()),
                  "is cordond still running? `systemctl status cordond`");
}

const std::string& Exchange::broke() const {
  return parts_->broke;
}

long Exchange::status() const {
  return parts_->parser.is_header_done() ? static_cast<long>(parts_->parser.get().result_int()) : 0;
}

std::string Exchange::take_body() {
  return std::exchange(parts_->parser.get().body(), {});
}

}  // namespace cordon::cli
