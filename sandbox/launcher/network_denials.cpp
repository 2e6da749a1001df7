#include "sandbox/launcher/network_denials.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/words.hpp"

namespace cordon {

// Two lines open with "Ip:": the names, then the values.
std::uint64_t ipv4_no_routes(std::string_view snmp) {
  std::string_view names, values;
  for (auto line = take_line(snmp); line && values.empty(); line = take_line(snmp))
    if (line->starts_with("Ip: ")) (names.empty() ? names : values) = *line;
  while (!names.empty() && !values.empty()) {
    const auto name = take_word(names), value = take_word(values);
    if (name == "OutNoRoutes") return parse_number(value);
  }
  return 0;
}

std::uint64_t ipv6_no_routes(std::string_view snmp6) {
  constexpr std::string_view name = "Ip6OutNoRoutes";
  const auto at = snmp6.find(name);
  if (at == std::string_view::npos) return 0;
  snmp6.remove_prefix(at + name.size());
  return parse_number(take_word(snmp6));
}

NetworkDenials::NetworkDenials(pid_t init) {
  const auto net = "/proc/" + std::to_string(init) + "/net/";
  four_.reset(check(::open((net + "snmp").c_str(), O_RDONLY | O_CLOEXEC), "open", "net/snmp"));
  six_.reset(::open((net + "snmp6").c_str(), O_RDONLY | O_CLOEXEC));
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
