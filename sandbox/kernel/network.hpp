// What a network namespace needs before names can have addresses in it, and the sockets made there (rtnetlink(7),
// ip(7)). Runs in: launcher, as root.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "profiles/ipv4.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

// This process in the network namespace of another, until it leaves. Where it never comes back it ends: nothing of ours
// may go on in another network.
class OtherNetwork {
 public:
  explicit OtherNetwork(pid_t of);
  ~OtherNetwork();
  void leave();  // throws KernelError; what is destroyed then tries once more
  OtherNetwork(const OtherNetwork&) = delete;
  OtherNetwork& operator=(const OtherNetwork&) = delete;

 private:
  Fd home_;
  bool left_ = false;
};

// "lo" of the network namespace that this process is in when it is made.
class Loopback {
 public:
  Loopback();
  // "ip route add local NETWORK dev lo": every address of it is this host's own, and loops back.
  void add_route(Ipv4Network network) const;
  // What goes over it by IPv4 may go in packets of up to half a MiB ("ip link set lo gso_ipv4_max_size"): fewer of them
  // are made and answered for a stream. A kernel that does not know it (before 6.3), or not that much, keeps to 64 KiB.
  void allow_large_packets() const;

 private:
  Fd netlink_;
};

Fd listen_tcp(Ipv4 address, std::uint16_t port);
Fd bind_udp(Ipv4 address, std::uint16_t port);
bool is_listening_at(const Fd& socket, Ipv4 address, std::uint16_t port);  // what the kernel says

}  // namespace cordon
