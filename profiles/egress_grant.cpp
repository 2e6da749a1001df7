#include "profiles/egress_grant.hpp"

#include <algorithm>
#include <set>

#include "profiles/host_name.hpp"
#include "profiles/shared_suffixes.hpp"

namespace cordon {
namespace {

struct Wrong {
  std::string_view key;
  std::string detail;
};
using Check = std::optional<Wrong>;

// Never anybody's server: "this network", loopback, link-local, the names' own addresses, multicast and what is behind
// it.
constexpr std::array<Ipv4Network, 5> never{
    {{0, 8}, {0x7f000000, 8}, {0xa9fe0000, 16}, synthetic_network, {0xe0000000, 3}}};

Check wrong_name(const EgressGrant& grant) {
  const auto canonical = canonical_name_pattern(grant.name);
  if (!canonical) return Wrong{"name", std::string(canonical.error())};
  if (*canonical != grant.name) return Wrong{"name", "is not in canonical form"};
  const std::string_view base = std::string_view(grant.name).substr(is_wildcard(grant.name) ? 2 : 0);
  if (is_wildcard(grant.name) && !grant.allow_shared_suffix && is_shared_suffix(base))
    return Wrong{"name", "reaches names of different owners: say \"allow_shared_suffix\": true if that is meant"};
  if (grant.mode != EgressMode::http && !grant.accept_fronting && is_on_shared_network(base))
    return Wrong{"name",
                 "is on a network that answers for the names of many owners, which cannot be seen in what is not "
                 "opened: say \"accept_fronting\": true if that is accepted"};
  return std::nullopt;
}

Check wrong_network(const EgressGrant& grant) {
  const auto network = grant.network;
  if (network.prefix > 32 || (network.address & ~mask_of(network.prefix)) != 0)
    return Wrong{"cidr", "has bits behind its prefix"};
  if (network.prefix < min_egress_prefix) return Wrong{"cidr", "is too wide: /16 at the widest"};
  if (std::any_of(never.begin(), never.end(), [&](Ipv4Network other) { return overlap(other, network); }))
    return Wrong{"cidr", "is loopback, link-local, multicast, reserved or Cordon's own: never reachable"};
  if (grant.mode != EgressMode::raw) return Wrong{"mode", "must be \"raw\": an address has no name to compare with"};
  if (grant.accept_fronting) return Wrong{"accept_fronting", "is about names"};
  if (grant.allow_shared_suffix) return Wrong{"allow_shared_suffix", "is about names with a star"};
  return std::nullopt;
}

Check wrong_ports(const EgressGrant& grant) {
  const auto& ports = grant.ports;
  if (ports.empty()) return Wrong{"ports", "must name a port"};
  if (ports.size() > max_egress_ports) return Wrong{"ports", "has more than 16"};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] == 0) return Wrong{"ports", "0 is no port"};
    if (ports[i] == 53) return Wrong{"ports", "53 is the resolver's, which is always there"};
    if (i > 0 && ports[i] <= ports[i - 1]) return Wrong{"ports", "has one of them twice"};
  }
  return std::nullopt;
}

template <typename T>
bool is_within(T value, std::uint64_t most) {
  return value >= 1 && value <= most;
}

Check wrong_budget(const EgressBudget& budget) {
  if (!is_within(budget.max_connections, max_egress_connections)) return Wrong{"max_connections", "out of range"};
  if (!is_within(budget.max_bytes_up, max_egress_bytes)) return Wrong{"max_bytes_up", "out of range"};
  if (!is_within(budget.max_bytes_down, max_egress_bytes)) return Wrong{"max_bytes_down", "out of range"};
  if (!is_within(budget.connections_per_second, max_egress_connections)) return Wrong{"rate", "out of range"};
  if (!is_within(budget.bytes_per_second, max_egress_bytes)) return Wrong{"rate", "out of range"};
  return std::nullopt;
}

Check wrong(const EgressGrant& grant) {
  if (static_cast<std::size_t>(grant.mode) >= egress_modes.size()) return Wrong{"mode", "is none"};
  if (grant.allow_shared_suffix && !is_wildcard(grant.name))
    return Wrong{"allow_shared_suffix", "is about names with a star"};
  if (auto fault = grant.name.empty() ? wrong_network(grant) : wrong_name(grant)) return fault;
  if (auto fault = wrong_ports(grant)) return fault;
  return wrong_budget(grant.budget);
}

bool share_a_port(const EgressGrant& a, const EgressGrant& b) {
  return std::any_of(a.ports.begin(), a.ports.end(),
                     [&](auto port) { return std::find(b.ports.begin(), b.ports.end(), port) != b.ports.end(); });
}

bool contradict(const EgressGrant& a, const EgressGrant& b) {
  if (a.name != b.name || !share_a_port(a, b)) return false;
  return !a.name.empty() || overlap(a.network, b.network);
}

Check contradiction(const EgressGrants& grants, std::size_t index) {
  for (std::size_t before = 0; before < index; ++before) {
    if (contradict(grants[before], grants[index]))
      return Wrong{"", "one of its ports is granted at " + std::to_string(before) + " already: which one would hold?"};
  }
  return std::nullopt;
}

}  // namespace

std::string to_text(const EgressGrant& grant) {
  return grant.name.empty() ? to_text(grant.network) : grant.name;
}

std::optional<EgressFault> fault_of(const EgressGrants& grants) {
  if (grants.size() > max_egress_grants) return EgressFault{max_egress_grants, "", "there are more than 64"};
  for (std::size_t i = 0; i < grants.size(); ++i) {
    auto fault = wrong(grants[i]);
    if (!fault) fault = contradiction(grants, i);
    if (fault) return EgressFault{i, fault->key, std::move(fault->detail)};
  }
  if (ports_of(grants).size() > max_egress_ports)
    return EgressFault{grants.size() - 1, "ports", "there are more than 16 different ports in all"};
  return std::nullopt;
}

std::vector<std::uint16_t> ports_of(const EgressGrants& grants) {
  std::set<std::uint16_t> ports;
  for (const auto& grant : grants) ports.insert(grant.ports.begin(), grant.ports.end());
  return {ports.begin(), ports.end()};
}

}  // namespace cordon
