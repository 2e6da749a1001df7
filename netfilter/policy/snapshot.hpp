// The grants of one job as the proxy asks them: what an address inside the sandbox stands for, and which grant covers
// it. Grants never change, but all can be withdrawn at once; names under wildcards are added as they are first asked
// for. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "netfilter/egress_job.hpp"
#include "profiles/flow_record.hpp"

namespace cordon::egress {

class Snapshot {
 public:
  explicit Snapshot(EgressJob job);

  const EgressJob& job() const { return job_; }
  const EgressGrant& grant(std::size_t index) const { return job_.grants.at(index); }

  // What a DNS question for an address is answered with; the verdict comes from the grants alone. A wildcard's name
  // gets its address here. `name` as it came.
  tl::expected<Ipv4, FlowReason> address_of(std::string_view name);
  // Is it granted on some port? Never gives an address.
  bool knows(std::string_view name) const;

  // What a tool connected to: the canonical name that the address stands for; the address itself when a CIDR grant
  // covers it; "" when it stands for nothing.
  std::string name_at(Ipv4 address) const;

  // From here on nothing is granted any more: grant_revoked.
  void revoke() { revoked_ = true; }
  bool is_revoked() const { return revoked_; }

  bool has_expired(std::size_t grant, std::chrono::sys_seconds now) const;
  // When the next of them ends; nullopt: none does any more.
  std::optional<std::chrono::sys_seconds> next_end(std::chrono::sys_seconds now) const;

  // The grant for a connection to this address and port: of an exact name before wildcards, of the longest wildcard,
  // the longest prefix. `now` decides about expiry.
  tl::expected<std::size_t, FlowReason> grant_for(Ipv4 address, std::uint16_t port, std::chrono::sys_seconds now) const;

 private:
  tl::expected<Ipv4, FlowReason> add_wildcard_name(const std::string& name);
  bool covers(const EgressGrant& grant, std::string_view name, Ipv4 address) const;

  EgressJob job_;
  std::map<std::string, Ipv4, std::less<>> addresses_;
  std::map<Ipv4, std::string> names_;
  std::uint32_t wildcard_names_ = 0;
  bool revoked_ = false;
};

}  // namespace cordon::egress
