#include "netfilter/policy/snapshot.hpp"

#include <algorithm>

#include "profiles/host_name.hpp"

namespace cordon::egress {

namespace {

bool has_port(const EgressGrant& grant, std::uint16_t port) {
  return std::find(grant.ports.begin(), grant.ports.end(), port) != grant.ports.end();
}

bool is_over(const EgressGrant& grant, std::chrono::sys_seconds now) {
  return !never_expires(grant) && now >= grant.expires;
}

// The more exact of two that cover the same.
std::size_t exactness(const EgressGrant& grant) {
  if (grant.name.empty()) return grant.network.prefix;
  return grant.name.size() + (is_wildcard(grant.name) ? 0 : max_host_name);
}

}  // namespace

Snapshot::Snapshot(EgressJob job) : job_(std::move(job)) {
  for (const auto& name : job_.names) {
    addresses_.emplace(name.name, name.address);
    names_.emplace(name.address, name.name);
  }
}

bool Snapshot::knows(std::string_view name) const {
  const auto canonical = canonical_host_name(name);
  return canonical && std::any_of(job_.grants.begin(), job_.grants.end(), [&](const EgressGrant& grant) {
           return !grant.name.empty() && covers_name(grant.name, *canonical);
         });
}

tl::expected<Ipv4, FlowReason> Snapshot::address_of(std::string_view name) {
  if (!knows(name)) return tl::unexpected(FlowReason::no_grant);
  const auto canonical = *canonical_host_name(name);
  if (const auto found = addresses_.find(canonical); found != addresses_.end()) return found->second;
  return add_wildcard_name(canonical);
}

tl::expected<Ipv4, FlowReason> Snapshot::add_wildcard_name(const std::string& name) {
  if (wildcard_names_ == job_.limits.max_wildcard_names) return tl::unexpected(FlowReason::too_many_names);
  const auto address = job_.first_wildcard + wildcard_names_++;
  addresses_.emplace(name, address);
  names_.emplace(address, name);
  return address;
}

std::string Snapshot::name_at(Ipv4 address) const {
  if (const auto found = names_.find(address); found != names_.end()) return found->second;
  for (const auto& grant : job_.grants)
    if (covers(grant, "", address)) return to_text(address);
  return "";
}

// A name by its name only, an address by its address only.
bool Snapshot::covers(const EgressGrant& grant, std::string_view name, Ipv4 address) const {
  if (!name.empty()) return !grant.name.empty() && covers_name(grant.name, name);
  return grant.name.empty() && contains(grant.network, address);
}

bool Snapshot::has_expired(std::size_t grant, std::chrono::sys_seconds now) const {
  return is_over(job_.grants.at(grant), now);
}

std::optional<std::chrono::sys_seconds> Snapshot::next_end(std::chrono::sys_seconds now) const {
  std::optional<std::chrono::sys_seconds> next;
  for (const auto& grant : job_.grants)
    if (!never_expires(grant) && grant.expires > now && (!next || grant.expires < *next)) next = grant.expires;
  return next;
}

tl::expected<std::size_t, FlowReason> Snapshot::grant_for(Ipv4 address, std::uint16_t port,
                                                          std::chrono::sys_seconds now) const {
  if (revoked_) return tl::unexpected(FlowReason::grant_revoked);
  const auto found = names_.find(address);
  const std::string_view name = found == names_.end() ? std::string_view{} : found->second;
  auto why = FlowReason::no_grant;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < job_.grants.size(); ++i) {
    const auto& grant = job_.grants[i];
    if (!covers(grant, name, address)) continue;
    if (!has_port(grant, port))
      why = FlowReason::port_not_granted;
    else if (!best || exactness(grant) > exactness(job_.grants[*best]))
      best = i;
  }
  if (!best) return tl::unexpected(why);
  if (has_expired(*best, now)) return tl::unexpected(FlowReason::grant_expired);
  return *best;
}

}  // namespace cordon::egress
