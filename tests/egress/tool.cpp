#include "tests/egress/tool.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "netfilter/egress_job.hpp"
#include "sandbox/kernel/check.hpp"

namespace cordon::egress_test {

namespace {

std::string big_endian(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string vector(std::string_view bytes, int width) {
  return big_endian(bytes.size(), width).append(bytes);
}

sockaddr_in endpoint(Ipv4 address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address);
  return to;
}

bool is_readable(int fd, std::chrono::milliseconds patience) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, static_cast<int>(patience.count())) == 1;
}

std::optional<std::string> over_udp(const World& world, std::string_view question) {
  const auto socket = resolver_socket(world);
  check(::send(socket.get(), question.data(), question.size(), 0), "ask");
  char answer[2048];
  if (!is_readable(socket.get(), std::chrono::seconds(5))) return std::nullopt;
  const auto size = ::recv(socket.get(), answer, sizeof answer, 0);
  if (size < 0) return std::nullopt;
  return std::string(answer, static_cast<std::size_t>(size));
}

std::optional<std::string> by_tcp(const World& world, std::string_view question) {
  Connection connection(world, synthetic_resolver, 53);
  const auto received = connection.ask(vector(question, 2), true);
  if (received.bytes.size() < 2) return std::nullopt;
  return received.bytes.substr(2);
}

}  // namespace

Connection::Connection(const World& world, Ipv4 address, std::uint16_t port, int receives) {
  const Within there(world.sandbox());
  socket_.reset(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a socket"));
  if (receives > 0)
    check(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receives, sizeof receives), "set a buffer");
  const auto to = endpoint(address, port);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) error_ = errno;
}

bool Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Connection::end_of_bytes() {
  ::shutdown(socket_.get(), SHUT_WR);
}

Connection::Received Connection::receive(std::chrono::milliseconds patience, std::size_t most) {
  Received out;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (out.bytes.size() < most) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !is_readable(socket_.get(), left)) return out;
    char part[65536];
    const auto size = ::recv(socket_.get(), part, std::min(sizeof part, most - out.bytes.size()), 0);
    if (size <= 0) {
      out.end = size == 0 ? Received::End::eof : Received::End::reset;
      return out;
    }
    out.bytes.append(part, static_cast<std::size_t>(size));
  }
  return out;
}

Connection::Received Connection::ask(std::string_view bytes, bool ends) {
  const bool sent = send(bytes);
  if (ends) end_of_bytes();
  auto received = receive();
  if (!sent) received.end = Received::End::reset;  // send(2) was told, and recv(2) is not told again
  return received;
}

std::string dns_question(std::string_view name, std::uint16_t type, bool edns) {
  std::string out =
      big_endian(0x1234, 2) + big_endian(0x0100, 2) + big_endian(1, 2) + big_endian(0, 4) + big_endian(edns, 2);
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    out += vector(label, 1);
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out += big_endian(0, 1) + big_endian(type, 2) + big_endian(1, 2);
  if (edns) out += big_endian(0, 1) + big_endian(41, 2) + big_endian(1232, 2) + big_endian(0, 4) + big_endian(0, 2);
  return out;
}

Fd resolver_socket(const World& world) {
  const Within there(world.sandbox());
  Fd socket(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket"));
  const auto to = endpoint(synthetic_resolver, 53);
  check(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
  return socket;
}

DnsAnswer ask_dns(const World& world, std::string_view name, std::uint16_t type, bool over_tcp, bool edns) {
  const auto question = dns_question(name, type, edns);
  const auto answer = over_tcp ? by_tcp(world, question) : over_udp(world, question);
  if (!answer || answer->size() < 12) return {};
  DnsAnswer out{static_cast<std::uint8_t>((*answer)[3] & 15), std::nullopt, *answer};
  const auto record = question.size() - (edns ? 11 : 0);
  if ((*answer)[7] == 0 || answer->size() < record + 16) return out;
  Ipv4 address = 0;
  for (std::size_t i = record + 12; i < record + 16; ++i)
    address = address << 8 | static_cast<std::uint8_t>((*answer)[i]);
  out.address = address;
  return out;
}

std::string tls_record(std::string_view payload, char type) {
  return std::string{type, 3, 1} + vector(payload, 2);
}

std::string client_hello(std::string_view server_name, std::string_view extensions) {
  std::string all;
  if (!server_name.empty())
    all += big_endian(0, 2) + vector(vector(std::string(1, '\0') + vector(server_name, 2), 2), 2);
  all += extensions;
  const auto body = std::string("\x03\x03", 2) + std::string(32, 'r') + vector("", 1) +
                    vector(std::string("\x13\x01", 2), 2) + vector(std::string(1, '\0'), 1) + vector(all, 2);
  return tls_record(std::string(1, '\x01') + vector(body, 3));
}

}  // namespace cordon::egress_test
