#include "profiles/egress_wire.hpp"

#include "profiles/host_name.hpp"

namespace cordon::wire {
namespace {

constexpr std::uint8_t fronting = 1, shared_suffix = 2;
constexpr std::size_t smallest_grant = 4 + 4 + 1 + 4 + 2 + 1 + 4 + 8 + 8 + 4 + 8 + 8 + 1;
constexpr std::int64_t last_second = 253402300799;  // of the year 9999

void write_budget(Writer& w, const EgressBudget& budget) {
  w.u32(budget.max_connections);
  w.u64(budget.max_bytes_up);
  w.u64(budget.max_bytes_down);
  w.u32(budget.connections_per_second);
  w.u64(budget.bytes_per_second);
}

EgressBudget read_budget(Reader& r) {
  EgressBudget budget;
  budget.max_connections = r.u32();
  budget.max_bytes_up = r.u64();
  budget.max_bytes_down = r.u64();
  budget.connections_per_second = r.u32();
  budget.bytes_per_second = r.u64();
  return budget;
}

void write_grant(Writer& w, const EgressGrant& grant) {
  w.string(grant.name);
  w.u32(grant.network.address);
  w.u8(grant.network.prefix);
  w.u32(static_cast<std::uint32_t>(grant.ports.size()));
  for (const auto port : grant.ports) w.u16(port);
  w.u8(static_cast<std::uint8_t>(grant.mode));
  write_budget(w, grant.budget);
  w.u64(static_cast<std::uint64_t>(grant.expires.time_since_epoch().count()));
  w.u8(static_cast<std::uint8_t>((grant.accept_fronting ? fronting : 0) |
                                 (grant.allow_shared_suffix ? shared_suffix : 0)));
}

void read_end_and_words(Reader& r, EgressGrant& into) {
  const auto seconds = r.u64();
  const auto words = r.u8();
  if (seconds > std::uint64_t{last_second} || words > (fronting | shared_suffix)) return r.bad();
  into.expires = std::chrono::sys_seconds(std::chrono::seconds(seconds));
  into.accept_fronting = (words & fronting) != 0;
  into.allow_shared_suffix = (words & shared_suffix) != 0;
}

EgressGrant read_grant(Reader& r) {
  EgressGrant grant;
  grant.name = r.string(max_host_name);
  grant.network.address = r.u32();
  grant.network.prefix = r.u8();
  const auto ports = r.count(max_egress_ports, 2);
  for (std::uint32_t i = 0; i < ports; ++i) grant.ports.push_back(r.u16());
  grant.mode = static_cast<EgressMode>(r.u8());
  grant.budget = read_budget(r);
  read_end_and_words(r, grant);
  if (!grant.name.empty() && grant.network != Ipv4Network{}) r.bad();
  return grant;
}

}  // namespace

void write_egress(Writer& w, const EgressGrants& grants) {
  w.u32(static_cast<std::uint32_t>(grants.size()));
  for (const auto& grant : grants) write_grant(w, grant);
}

EgressGrants read_egress(Reader& r) {
  EgressGrants grants;
  const auto count = r.count(max_egress_grants, smallest_grant);
  for (std::uint32_t i = 0; i < count && r.good(); ++i) grants.push_back(read_grant(r));
  if (!r.good() || fault_of(grants)) return r.bad(), EgressGrants{};
  return grants;
}

}  // namespace cordon::wire
