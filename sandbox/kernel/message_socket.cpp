#include "sandbox/kernel/message_socket.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <memory>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

constexpr std::size_t most_fds = 18;  // of a job's egress (netfilter/egress_job.hpp)
using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * most_fds) + CMSG_SPACE(sizeof(ucred))>;

void take_control(cmsghdr* c, ReceivedMessage& out) {
  if (c->cmsg_level != SOL_SOCKET) return;
  const auto* data = CMSG_DATA(c);
  if (c->cmsg_type == SCM_RIGHTS) {
    const auto n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < n; ++i) {
      int fd = -1;
      std::memcpy(&fd, data + i * sizeof(int), sizeof fd);
      out.fds.emplace_back(fd);
    }
  } else if (c->cmsg_type == SCM_CREDENTIALS) {
    ucred sender{};
    std::memcpy(&sender, data, sizeof sender);
    out.sender_pid = sender.pid;
  }
}

ssize_t retry_interrupted(auto call) {
  ssize_t n = 0;
  do n = call();
  while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

bool send_message(int socket, std::string_view bytes, const std::vector<int>& fds) {
  iovec iov{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (fds.size() > most_fds) throw KernelError("send", "more than 18 descriptors", EINVAL);
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    auto* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fds.size());
  }
  const auto n = retry_interrupted([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
  if (n < 0 && errno == EAGAIN) return false;
  check(n, "send a message");
  return true;
}

std::optional<ReceivedMessage> receive_message(int socket, std::size_t max_bytes, std::size_t max_fds) {
  ReceivedMessage out;
  const auto room = std::make_unique_for_overwrite<char[]>(max_bytes);  // not filled first: most messages are small
  iovec iov{room.get(), max_bytes};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto receive = [&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); };
  auto n = retry_interrupted(receive);
  // The other side closed without reading all that we sent. Told ahead of what it said before: that is still there, and
  // then the end of file.
  out.was_reset = n < 0 && errno == ECONNRESET;
  if (out.was_reset) n = retry_interrupted(receive);
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  check(n, "receive a message");
  for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) take_control(c, out);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || out.fds.size() > max_fds)
    throw KernelError("receive a message", "that fits", EMSGSIZE);
  out.bytes.assign(room.get(), static_cast<std::size_t>(n));
  return out;
}

SealedMemfdWriter::SealedMemfdWriter(const char* name)
    : fd_(check(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "create a memfd", name)) {}

void SealedMemfdWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = check(::write(fd_.get(), bytes.data(), bytes.size()), "write to a memfd");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

Fd SealedMemfdWriter::seal(unsigned mode) {
  check(::fchmod(fd_.get(), mode), "set the mode of a memfd");
  check(::lseek(fd_.get(), 0, SEEK_SET), "rewind a memfd");
  check(::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "seal a memfd");
  return std::move(fd_);
}

Fd sealed_memfd(const char* name, std::string_view bytes) {
  SealedMemfdWriter writer(name);
  writer.write(bytes);
  return writer.seal();
}

Fd sealed_program(const char* name, std::string_view bytes) {
  SealedMemfdWriter writer(name);
  writer.write(bytes);
  return writer.seal(0500);
}

}  // namespace cordon
