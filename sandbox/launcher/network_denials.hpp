// How often a sandbox tried to send to where there is no route: the kernel's own counters (OutNoRoutes of
// /proc/net/snmp and snmp6) in its network namespace, since the tool's start.
// Runs in: launcher, as root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

std::uint64_t ipv4_no_routes(std::string_view snmp);   // pure
std::uint64_t ipv6_no_routes(std::string_view snmp6);  // pure

class NetworkDenials {
 public:
  explicit NetworkDenials(pid_t init);
  std::uint64_t count() const;  // also when nothing of the sandbox lives any more

 private:
  std::uint64_t counted() const;

  Fd four_, six_;  // they keep the namespace; the second is none where IPv6 is off
  std::uint64_t before_;
};

}  // namespace cordon
