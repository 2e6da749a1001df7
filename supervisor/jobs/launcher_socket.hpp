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
  awaitable<ReceivedMessage> receive();          // no bytes: the launcher has closed it
  awaitable<bool> until_readable();              // false: cancelled, or closed from here
  std::optional<ReceivedMessage> try_receive();  // nullopt: there is nothing yet
  void half_close();                             // "kill it"; answers are still read
  void close();                                  // likewise, and nobody listens any more
  bool is_open() const;                          // the launcher has not closed it, and has said nothing
  void cancel() { socket_.cancel(); }            // a pending receive throws, a pending until_readable is false

  // The launcher has closed it without having read all that was sent (unix(7), ECONNRESET): the last message it never
  // knew. Told once try_receive has found the end. False says nothing: it may have ended before.
  bool has_unread() const { return unread_; }

 private:
  explicit LauncherSocket(asio::posix::stream_descriptor socket) : socket_(std::move(socket)) {}
  void look_for_reset();

  asio::posix::stream_descriptor socket_;
  bool unread_ = false;
};

}  // namespace cordon
