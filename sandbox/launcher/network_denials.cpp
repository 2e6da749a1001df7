#include "sandbox/launcher/network_denials.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

// Two lines open with "Ip:": the names, then the values.
std::uint64_t ipv4_no_routes(std::string_view snmp) {
  std::istringstream lines{std::string(snmp)};
  std::string names, values;
  for (std::string line; std::getline(lines, line) && values.empty();)
    if (line.starts_with("Ip: ")) (names.empty() ? names : values) = line;
  std::istringstream name_words(names), value_words(values);
  for (std::string name, value; name_words >> name && value_words >> value;)
    if (name == "OutNoRoutes") return parse_number(value);
  return 0;
}

std::uint64_t ipv6_no_routes(std::string_view snmp6) {
  std::istringstream words{std::string(snmp6)};
  for (std::string name, value; words >> name >> value;)
    if (name == "Ip6OutNoRoutes") return parse_number(value);
  return 0;
}

NetworkDenials::NetworkDenials(pid_t init) {
  const auto net = open_directory("/proc/" + std::to_string(init) + "/net");
  four_.reset(check(::openat(net.get(), "snmp", O_RDONLY | O_CLOEXEC), "open", "net/snmp"));
  six_.reset(::openat(net.get(), "snmp6", O_RDONLY | O_CLOEXEC));
  if (!six_ && errno != ENOENT) check(-1, "open", "net/snmp6");
  before_ = counted();
}

std::uint64_t NetworkDenials::counted() const {
  return ipv4_no_routes(read_again(four_, "net/snmp")) + (six_ ? ipv6_no_routes(read_again(six_, "net/snmp6")) : 0);
}

std::uint64_t NetworkDenials::count() const {
  return counted() - before_;
}

}  // namespace cordon
