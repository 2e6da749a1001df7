#include "tests/unit/cli_canned_server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sandbox/kernel/check.hpp"

namespace cordon::cli::test {
namespace {

std::string fresh_directory() {
  std::string form = "/tmp/cordon-unit-XXXXXX";
  if (::mkdtemp(form.data()) == nullptr) throw std::runtime_error("no temporary directory");
  return form;
}

Fd listening(const std::string& path) {
  Fd socket(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", path);
  check(::listen(socket.get(), 16), "listen at", path);
  return socket;
}

std::size_t length_of_body(const std::string& head) {
  const auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

// The streams of this process, in files, for as long as it lives.
class Diverted {
 public:
  Diverted(int fd, std::FILE* stream, std::string path) : fd_(fd), stream_(stream), path_(std::move(path)) {
    std::fflush(stream_);
    before_ = Fd(check(::dup(fd_), "duplicate a descriptor"));
    std::ofstream(path_).close();
    std::FILE* file = std::fopen(path_.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot open " + path_);
    ::dup2(::fileno(file), fd_);
    std::fclose(file);
  }
  ~Diverted() { end(); }
  Diverted(const Diverted&) = delete;
  Diverted& operator=(const Diverted&) = delete;

  std::string end() {
    if (before_) {
      std::fflush(stream_);
      ::dup2(before_.get(), fd_);
      before_ = Fd();
    }
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

 private:
  int fd_;
  std::FILE* stream_;
  std::string path_;
  Fd before_;
};

}  // namespace

CannedServer::CannedServer(Answers answers)
    : directory_(fresh_directory()),
      answers_(std::move(answers)),
      operators_(listening(directory_ + "/operator.sock")),
      agents_(listening(directory_ + "/agent.sock")),
      end_(check(::eventfd(0, EFD_CLOEXEC), "make an eventfd")),
      thread_([this] { serve(); }) {}

CannedServer::~CannedServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto told = ::write(end_.get(), &one, sizeof one);
  thread_.join();
  std::error_code none;
  std::filesystem::remove_all(directory_, none);
}

void CannedServer::serve() {
  for (;;) {
    pollfd wanted[] = {{end_.get(), POLLIN, 0}, {operators_.get(), POLLIN, 0}, {agents_.get(), POLLIN, 0}};
    ::poll(wanted, 3, -1);
    if (wanted[0].revents != 0) return;
    for (const int i : {1, 2}) {
      if (wanted[i].revents == 0) continue;
      const Fd peer(::accept4(wanted[i].fd, nullptr, nullptr, SOCK_CLOEXEC));
      if (peer) answer(peer.get(), i == 1 ? "operator" : "agent");
    }
  }
}

void CannedServer::answer(int peer, const char* socket) {
  std::string request;
  char piece[4096];
  std::size_t end = std::string::npos;
  while (end == std::string::npos || request.size() < end + 4 + length_of_body(request.substr(0, end))) {
    const auto size = ::read(peer, piece, sizeof piece);
    if (size <= 0) return;
    request.append(piece, static_cast<std::size_t>(size));
    end = request.find("\r\n\r\n");
  }
  const auto key = request.substr(0, request.find(" HTTP/"));
  const auto body = request.substr(end + 4);
  {
    const std::lock_guard lock(mutex_);
    heard_.push_back(fmt::format("{} {}{}{}", socket, key, body.empty() ? "" : " ", body));
  }
  const auto found = answers_.find(key);
  const auto [status, text] =
      found == answers_.end()
          ? std::pair<int, std::string>(404, R"({"title": "Not found", "detail": "it is not there"})")
          : found->second;
  const auto response = fmt::format(
      "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
      text.size(), text);
  [[maybe_unused]] const auto sent = ::send(peer, response.data(), response.size(), MSG_NOSIGNAL);
}

std::vector<std::string> CannedServer::heard() {
  const std::lock_guard lock(mutex_);
  return std::exchange(heard_, {});
}

Printed printed(const std::function<int()>& command) {
  const auto directory = fresh_directory();
  Printed all;
  try {
    Diverted out(STDOUT_FILENO, stdout, directory + "/out"), err(STDERR_FILENO, stderr, directory + "/err");
    all.code = command();
    all.out = out.end();
    all.err = err.end();
  } catch (...) {
    std::filesystem::remove_all(directory);
    throw;
  }
  std::filesystem::remove_all(directory);
  return all;
}

}  // namespace cordon::cli::test
