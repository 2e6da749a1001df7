#include "sandbox/launcher/network_denials.hpp"

#include <fcntl.h>
#include <sched.h>

#include <sstream>
#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

namespace {

std::uint64_t count_in(const std::string& proc) {
  const auto directory = open_directory(proc);
  const auto six = read_file_if_there(directory.get(), "net/snmp6");  // absent where IPv6 is off
  return ipv4_no_routes(read_file(directory.get(), "net/snmp")) + (six ? ipv6_no_routes(*six) : 0);
}

}  // namespace

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
  const auto proc = "/proc/" + std::to_string(init);
  namespace_.reset(check(::open((proc + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC), "open", proc + "/ns/net"));
  before_ = count_in(proc);
}

std::uint64_t NetworkDenials::count() const {
  check(::setns(namespace_.get(), CLONE_NEWNET), "enter the job's network namespace");
  return count_in("/proc/self") - before_;
}

}  // namespace cordon
