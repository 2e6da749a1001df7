// The descriptors between the launcher, a sandbox and cordond. Runs in: launcher, as root.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <vector>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

struct Pipe {
  Fd read, write;

  Pipe() {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

struct SocketPair {
  Fd ours, theirs;

  SocketPair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "make a socket pair");
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
    constexpr int yes = 1;
    check(::setsockopt(ours.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), "ask for the sender's pid");
  }
};

// The tool's standard streams and the artifacts: made here, by root, so that the pipes have their full size; given to
// the job's uid, so that it can open /dev/stdout.
struct Streams {
  Pipe out, err, artifacts;

  explicit Streams(std::uint32_t uid) {
    for (const auto* pipe : {&out, &err}) check(::fchown(pipe->write.get(), uid, uid), "give away a pipe");
  }
  std::vector<int> read_ends() const { return {out.read.get(), err.read.get(), artifacts.read.get()}; }
  void close_tool_ends() {
    for (auto* pipe : {&out, &err}) pipe->write.reset();
  }
  void close_read_ends() {
    for (auto* pipe : {&out, &err, &artifacts}) pipe->read.reset();
  }
};

}  // namespace cordon
