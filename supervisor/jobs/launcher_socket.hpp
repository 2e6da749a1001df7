// A SEQPACKET connection to the launcher, awaited by Asio and read without blocking.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/message_socket.hpp"
#include "supervisor/asio.hpp"

namespace cordon {

inline constexpr const char* launcher_remedy = "Is cordon-launcher running with this runtime directory?";

class LauncherSocket {
 public:
  // Throws KernelError: "connect to the launcher PATH: …".
  static awaitable<LauncherSocket> connect(std::string path);

  void send(std::string_view message, const std::vector<int>& fds = {});
  awaitable<ReceivedMessage> receive();  // no bytes: the launcher has closed it
  void half_close();                     // "kill it"; answers are still read
  bool is_open() const;                  // the launcher has not closed it, and has said nothing
  void cancel() { socket_.cancel(); }    // a pending receive throws

 private:
  explicit LauncherSocket(asio::posix::stream_descriptor socket) : socket_(std::move(socket)) {}
  asio::posix::stream_descriptor socket_;
};

}  // namespace cordon
