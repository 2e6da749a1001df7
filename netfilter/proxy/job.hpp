// One job's egress: the sockets that its launcher made in the sandbox, what they may do, and all its live flows. It ends
// with its launcher's socket, all at once.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <vector>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/proxy/denials.hpp"
#include "netfilter/proxy/resolver.hpp"

namespace cordon::egress {

class Flow;

class Job : public std::enable_shared_from_this<Job> {
 public:
  // `fds` as egress_job.hpp has them, already checked (sockets.hpp).
  Job(asio::io_context& io, EgressJob job, std::vector<Descriptor> fds, Resolver& resolver, Evidence& evidence);
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  void start();
  // Flag, close the listeners, RST every flow. What waits for something is woken and finds the flag.
  void end();
  bool ended() const { return ended_; }

  Snapshot& snapshot() { return snapshot_; }
  const EgressLimits& limits() const { return snapshot_.job().limits; }
  Resolver& resolver() { return resolver_; }
  Evidence& evidence() { return evidence_; }
  Denials& denials() { return denials_; }
  TokenBucket& queries() { return queries_; }
  JobClosed& totals() { return totals_; }
  asio::io_context& io() { return io_; }

  Budget& budget() { return budget_; }
  Budget& budget_of(std::size_t grant) { return grant_budgets_.at(grant); }

  void join(Flow& flow) { flows_.insert(&flow); }
  void leave(Flow& flow) { flows_.erase(&flow); }
  std::uint64_t next_flow() { return ++flow_ids_; }

 private:
  awaitable<void> accept_flows(std::shared_ptr<Job> self, std::size_t listener);
  awaitable<void> tell_denials(std::shared_ptr<Job> self);
  void take(tcp::socket socket);

  asio::io_context& io_;
  Snapshot snapshot_;
  Resolver& resolver_;
  Evidence& evidence_;
  Denials denials_;
  Budget budget_;
  std::vector<Budget> grant_budgets_;
  TokenBucket queries_;
  JobClosed totals_;
  std::vector<tcp::acceptor> listeners_;
  std::shared_ptr<udp::socket> dns_udp_;
  std::shared_ptr<tcp::acceptor> dns_tcp_;
  asio::steady_timer tell_timer_;
  std::set<Flow*> flows_;
  std::set<tcp::socket*> dns_connections_;
  std::uint64_t flow_ids_ = 0;
  bool ended_ = false;
};

}  // namespace cordon::egress
