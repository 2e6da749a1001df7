#include "netfilter/wall/ruleset.hpp"

#include <algorithm>

#include "profiles/denied_addresses.hpp"

namespace cordon {
namespace {

// Off the front, without what it is indented by.
std::string_view take_line(std::string_view& text) {
  const auto size = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// "10.0.0.0-10.255.255.255", or one address.
std::vector<std::string> elements(bool v6, bool private_egress) {
  std::vector<std::string> out;
  for (const auto& range : merged_denied_ranges(v6, private_egress))
    out.push_back(range.first == range.last ? range.first.text() : range.first.text() + "-" + range.last.text());
  return out;
}

std::string set(const std::string& name, const std::string& type, const std::vector<std::string>& elements) {
  return "  set " + name + " {\n    type " + type + "; flags interval;\n    elements = { " + joined(elements) +
         " }\n  }\n";
}

std::string resolver_rules(const std::vector<IpAddress>& resolvers) {
  std::string out;
  for (const auto& resolver : resolvers) {
    const auto to = std::string(resolver.is_v6() ? "    ip6" : "    ip") + " daddr " + resolver.text();
    out.append(to).append(" udp dport 53 accept\n").append(to).append(" tcp dport 53 accept\n");
  }
  return out;
}

std::string port_rule(const std::vector<std::uint16_t>& ports) {
  std::vector<std::string> words;
  for (const auto port : ports)
    if (port != 53) words.push_back(std::to_string(port));
  return words.empty() ? "" : "    tcp dport { " + joined(words) + " } accept\n";
}

}  // namespace

std::string table_name(const Wall& wall) {
  return "cordon_egress_" + wall.instance;
}

std::string removal(const Wall& wall) {
  return "table inet " + table_name(wall) + "\ndelete table inet " + table_name(wall) + "\n";
}

std::string first_difference(std::string_view loaded, std::string_view expected) {
  const auto end = [](std::string_view line) { return line.empty() ? "its end" : "\"" + std::string(line) + "\""; };
  while (!loaded.empty() || !expected.empty()) {
    const auto is = take_line(loaded), should_be = take_line(expected);
    if (is != should_be) return "has " + end(is) + " where " + end(should_be) + " should be";
  }
  return "";
}

// Whose a packet is is known where it is cordon-egress's. Of none that the kernel answers with for a socket that is
// closed already (TIME-WAIT) that is known, of whoever's: "!= UID accept" is not true of it (nft(8): a rule ends where
// a packet lacks what is asked for), and the rest would refuse it.
// Who sends a datagram that is refused has EPERM at once (udp(7)), and no packet as an answer: each flow asks so
// (is_walled).
std::string ruleset(const Wall& wall) {
  return removal(wall) + "table inet " + table_name(wall) + " {\n" +
         set("denied4", "ipv4_addr", elements(false, wall.private_egress)) +
         set("denied6", "ipv6_addr", elements(true, wall.private_egress)) +
         "  chain out {\n"
         "    type filter hook output priority -10; policy accept;\n"
         "    meta skuid " +
         std::to_string(wall.uid) +
         " jump guarded\n"
         "  }\n"
         "  chain guarded {\n" +
         resolver_rules(wall.resolvers) +
         "    fib daddr type { local, broadcast, anycast, multicast } counter jump refused\n"
         "    ip daddr @denied4 counter jump refused\n"
         "    ip6 daddr @denied6 counter jump refused\n" +
         port_rule(wall.ports) +
         "    counter jump refused\n"
         "  }\n"
         "  chain refused {\n"
         "    meta l4proto tcp reject with tcp reset\n"
         "    drop\n"
         "  }\n"
         "}\n";
}

}  // namespace cordon
