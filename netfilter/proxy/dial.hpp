// From a Permit to a connected socket: resolve once, check every answer, connect to a checked address.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/proxy/later.hpp"
#include "netfilter/proxy/resolver.hpp"

namespace cordon::egress {

class Dial {
 public:
  Dial(asio::io_context& io, Resolver& resolver, EgressFigures& figures)
      : io_(io), resolver_(resolver), figures_(figures), socket_(io) {}

  // What can be done before anything may be dialled, and is better done while others write that it will be.
  void prepare(const Permit& permit);
  // Behind prepare(). none: socket() is connected, does not block and does not wait for more to send (TCP_NODELAY). The
  // permit is used up.
  awaitable<FlowReason> run(Permit permit, std::chrono::milliseconds patience);
  void give_up();  // run() comes back soon, with job_ended; who gives up knows why

  tcp::socket& socket() { return socket_; }
  const std::vector<IpAddress>& answers() const { return answers_; }
  const std::optional<IpAddress>& dialled() const { return dialled_; }

 private:
  awaitable<FlowReason> find_addresses(const Permit& permit, Clock::time_point deadline);
  void open(bool v6);
  awaitable<FlowReason> connect(IpAddress address, std::uint16_t port, Clock::time_point deadline);

  asio::io_context& io_;
  Resolver& resolver_;
  EgressFigures& figures_;
  tcp::socket socket_;
  std::shared_ptr<Later<Answers>> look_up_;
  std::vector<IpAddress> answers_, candidates_;
  std::optional<IpAddress> dialled_;
  bool given_up_ = false, denied_ = false;  // denied: the address of the grant itself
};

}  // namespace cordon::egress
