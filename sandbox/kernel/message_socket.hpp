// One SEQPACKET message with file descriptors, sent and received whole (unix(7), cmsg(3)).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

struct ReceivedMessage {
  std::string bytes;              // empty: the other side closed
  std::vector<Fd> fds;            // all close-on-exec
  bool was_reset = false;         // the other side closed without having read all that we sent. Told once
  std::optional<int> sender_pid;  // with SO_PASSCRED set: the sender's pid in the reader's pid namespace
};

// Both block unless the socket is non-blocking; EAGAIN is then nullopt / false. Everything else that fails throws.
bool send_message(int socket, std::string_view bytes, const std::vector<int>& fds = {});
// A message that was cut short (MSG_TRUNC, MSG_CTRUNC) throws EMSGSIZE.
std::optional<ReceivedMessage> receive_message(int socket, std::size_t max_bytes, std::size_t max_fds);

// An anonymous file that nobody can change any more (memfd_create(2): SEAL, SHRINK, GROW, WRITE), readable by all.
class SealedMemfdWriter {
 public:
  explicit SealedMemfdWriter(const char* name);
  void write(std::string_view bytes);
  int fd() const { return fd_.get(); }  // for copy_file_range and sendfile
  Fd seal(unsigned mode = 0444);

 private:
  Fd fd_;
};

Fd sealed_memfd(const char* name, std::string_view bytes);
Fd sealed_program(const char* name, std::string_view bytes);  // for root to execute, and for nobody else to read

}  // namespace cordon
