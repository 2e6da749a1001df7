// The only door to a dial: a Permit, which nobody else can make. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <variant>

#include "netfilter/http/request_head.hpp"
#include "netfilter/policy/snapshot.hpp"
#include "netfilter/tls/client_hello.hpp"

namespace cordon::egress {

// Where the tool connected to, as the kernel says (getsockname of the accepted socket).
struct Destination {
  Ipv4 address = 0;
  std::uint16_t port = 0;
};

// What the tool said there before anything was answered.
struct Unread {};  // mode raw
using Heard = std::variant<Unread, ClientHello, RequestHead>;

// One dial to one place under one grant. Moved, never copied: it is used up by dialling.
class Permit {
 public:
  Permit(Permit&&) = default;
  Permit& operator=(Permit&&) = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() = default;

  std::size_t grant() const { return grant_; }
  const std::string& name() const { return name_; }  // canonical, to resolve; "" when `address` is granted itself
  const std::optional<Ipv4>& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  bool private_egress() const { return private_egress_; }

 private:
  friend tl::expected<Permit, FlowReason> authorise(const Snapshot&, const Destination&, const Heard&,
                                                    std::chrono::sys_seconds);
  Permit() = default;

  std::size_t grant_ = 0;
  std::string name_;
  std::optional<Ipv4> address_;
  std::uint16_t port_ = 0;
  bool private_egress_ = false;
};

// Is that what a grant of `name` in passthrough allows to say? none: it is.
FlowReason check_hello(const ClientHello& hello, const std::string& name);

// Everything is asked again here, whatever was looked at before: grant, port, expiry, what was said in the grant's
// mode.
tl::expected<Permit, FlowReason> authorise(const Snapshot& snapshot, const Destination& destination, const Heard& heard,
                                           std::chrono::sys_seconds now);

}  // namespace cordon::egress
