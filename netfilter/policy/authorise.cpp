#include "netfilter/policy/authorise.hpp"

#include "netfilter/http/characters.hpp"
#include "profiles/host_name.hpp"

namespace cordon::egress {

namespace {

constexpr std::uint16_t http_port = 80;

// Nothing is wrong: none.
FlowReason check_tls(const Heard& heard, const std::string& name) {
  const auto* hello = std::get_if<ClientHello>(&heard);
  return hello == nullptr ? FlowReason::not_tls : check_hello(*hello, name);
}

// A name in its canonical form, or an address exactly as it prints; and the port that was connected to.
bool is_here(const std::string& host, std::optional<std::uint16_t> host_port, const std::string& name,
             std::uint16_t port) {
  const auto canonical = canonical_host_name(host);
  const bool same = canonical ? *canonical == name : host == name;
  return same && host_port.value_or(http_port) == port;
}

FlowReason check_request(const Heard& heard, const std::string& name, std::uint16_t port) {
  const auto* head = std::get_if<RequestHead>(&heard);
  if (head == nullptr) return FlowReason::bad_request;
  if (!is_here(head->host, head->host_port, name, port)) return FlowReason::host_differs;
  if (!head->target_authority) return FlowReason::none;
  const auto authority = read_authority(*head->target_authority);
  if (!authority || !is_here(authority->host, authority->port, name, port)) return FlowReason::host_differs;
  return FlowReason::none;
}

FlowReason check_heard(EgressMode mode, const Heard& heard, const std::string& name, std::uint16_t port) {
  switch (mode) {
    case EgressMode::passthrough:
      return check_tls(heard, name);
    case EgressMode::http:
      return check_request(heard, name, port);
    case EgressMode::raw:
      return FlowReason::none;
  }
  return FlowReason::no_grant;
}

}  // namespace

FlowReason check_hello(const ClientHello& hello, const std::string& name) {
  if (hello.encrypted_hello) return FlowReason::encrypted_client_hello;
  if (hello.server_name.empty()) return FlowReason::no_server_name;
  const auto asked = canonical_host_name(hello.server_name);
  return asked && *asked == name ? FlowReason::none : FlowReason::server_name_differs;
}

tl::expected<Permit, FlowReason> authorise(const Snapshot& snapshot, const Destination& destination, const Heard& heard,
                                           std::chrono::sys_seconds now) {
  const auto grant = snapshot.grant_for(destination.address, destination.port, now);
  if (!grant) return tl::unexpected(grant.error());
  const auto name = snapshot.name_at(destination.address);
  const auto& granted = snapshot.grant(*grant);
  if (const auto why = check_heard(granted.mode, heard, name, destination.port); why != FlowReason::none)
    return tl::unexpected(why);
  Permit permit;
  permit.grant_ = *grant;
  permit.port_ = destination.port;
  permit.private_egress_ = snapshot.job().private_egress;
  if (granted.name.empty())
    permit.address_ = destination.address;
  else
    permit.name_ = name;
  return permit;
}

}  // namespace cordon::egress
