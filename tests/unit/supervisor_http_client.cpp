#include "tests/unit/supervisor_http_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <stdexcept>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

constexpr timeval patience{60, 0};  // for a busy machine

std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

}  // namespace

HttpClient::HttpClient(const std::string& socket_path)
    : socket_(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket")) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  check(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect to", socket_path);
  check(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "set patience");
}

void HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = check(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), "send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool HttpClient::more() {
  char bytes[16384];
  const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (n < 0 && errno == ECONNRESET) return false;
  check(n, "receive (too late?)");
  buffer_.append(bytes, static_cast<std::size_t>(n));
  return n > 0;
}

std::string HttpClient::read_until(std::string_view mark) {
  for (;;) {
    const auto at = buffer_.find(mark);
    if (at != std::string::npos) {
      auto out = buffer_.substr(0, at + mark.size());
      buffer_.erase(0, out.size());
      return out;
    }
    if (!more()) throw std::runtime_error("closed before: " + std::string(mark));
  }
}

void HttpClient::half_close() {
  ::shutdown(socket_.get(), SHUT_WR);
}

bool HttpClient::closed() {
  return buffer_.empty() && !more();
}

std::string HttpClient::chunks() {
  std::string body;
  for (;;) {
    const auto size = std::stoul(read_until("\r\n"), nullptr, 16);
    while (buffer_.size() < size + 2 && more()) {
    }
    body += buffer_.substr(0, size);
    buffer_.erase(0, size + 2);
    if (size == 0) return body;
  }
}

std::optional<HttpAnswer> HttpClient::answer(bool to_head) {
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  HttpAnswer out;
  out.status = std::stoi(read_until("\r\n").substr(9, 3));
  for (auto line = read_until("\r\n"); line != "\r\n"; line = read_until("\r\n")) {
    const auto colon = line.find(": ");
    out.fields[lower(line.substr(0, colon))] = line.substr(colon + 2, line.size() - colon - 4);
  }
  if (to_head) return out;
  if (out.fields.contains("transfer-encoding")) {
    out.body = chunks();
  } else if (out.fields.contains("content-length")) {
    const auto size = std::stoul(out.fields["content-length"]);
    while (buffer_.size() < size && more()) {
    }
    out.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
  }
  return out;
}

HttpAnswer HttpClient::get(const std::string& target, const std::string& fields) {
  send("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  return answer().value();
}

HttpAnswer HttpClient::call(const std::string& method, const std::string& target) {
  send(method + " " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  return answer(method == "HEAD").value();
}

HttpAnswer HttpClient::post(const std::string& body, const std::string& fields) {
  send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + fields +
       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return answer().value();
}

}  // namespace cordon::test
