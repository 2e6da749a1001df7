// The resolver inside a sandbox: a table look-up over UDP and TCP. Nothing is ever forwarded.
#pragma once

#include <memory>
#include <set>

#include "netfilter/dns/message.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/policy/snapshot.hpp"
#include "netfilter/proxy/denials.hpp"
#include "netfilter/proxy/seqpacket.hpp"

namespace cordon::egress {

class DnsService {
 public:
  // What it refers to outlives its coroutines, which hold `owner`.
  DnsService(asio::io_context& io, Snapshot& snapshot, Denials& denials, JobClosed& totals, EgressFigures& figures,
             Descriptor udp_fd, Descriptor tcp_fd);

  void start(const std::shared_ptr<void>& owner);
  void end();

 private:
  static awaitable<void> serve_udp(DnsService& self, std::shared_ptr<void> owner);
  static awaitable<void> serve_tcp(DnsService& self, std::shared_ptr<void> owner);
  static awaitable<void> serve_connection(DnsService& self, std::shared_ptr<void> owner, tcp::socket socket);
  std::string answer(std::string_view message);  // "": none
  std::string answer_query(const DnsQuery& query);
  std::string refuse_query(const DnsQuery& query, FlowReason why);

  asio::io_context& io_;
  Snapshot& snapshot_;
  Denials& denials_;
  JobClosed& totals_;
  EgressFigures& figures_;
  TokenBucket queries_;
  udp::socket udp_;
  tcp::acceptor tcp_;
  std::set<tcp::socket*> connections_;
  bool ended_ = false;
};

}  // namespace cordon::egress
