// One job's egress: the sockets that its launcher made in the sandbox, what they may do, and all its live flows. It
// ends with its launcher's socket, all at once.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/proxy/denials.hpp"
#include "netfilter/proxy/dns_service.hpp"
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
  // Flag, RST every far side, close the listeners, RST the tools. What waits for something is woken and finds the flag.
  void end();
  // The same, for good, while the job lives on: what it still asks for is refused with the reason.
  void revoke(FlowReason why);

  Snapshot& snapshot() { return snapshot_; }
  const EgressLimits& limits() const { return snapshot_.job().limits; }
  Resolver& resolver() { return resolver_; }
  Evidence& evidence() { return evidence_; }
  Denials& denials() { return denials_; }
  JobClosed& totals() { return totals_; }
  asio::io_context& io() { return io_; }

  Budget& budget() { return budget_; }
  Budget& budget_of(std::size_t grant) { return grant_budgets_.at(grant); }

  void join(Flow& flow);
  void leave(Flow& flow);
  std::uint64_t next_flow() { return ++flow_ids_; }

  // One of a few: a refusal that is said, and waited for. The others are cut off.
  using Seat = std::shared_ptr<void>;
  Seat take_seat_of_refused();

 private:
  static awaitable<void> accept_flows(std::shared_ptr<Job> self, std::size_t listener);
  static awaitable<void> keep_time(std::shared_ptr<Job> self);
  std::chrono::milliseconds until_next_look() const;
  bool takes_flows() const { return !ended_ && !snapshot_.is_revoked(); }
  void cut_flows(FlowReason why);
  void close_sockets(bool of_resolver_too);
  void close_if_done();

  asio::io_context& io_;
  Snapshot snapshot_;
  Resolver& resolver_;
  Evidence& evidence_;
  Denials denials_;
  Budget budget_;
  std::vector<Budget> grant_budgets_;
  JobClosed totals_;
  std::vector<tcp::acceptor> listeners_;
  DnsService dns_;
  asio::steady_timer second_;
  std::set<Flow*> flows_;
  std::uint64_t flow_ids_ = 0;
  std::uint32_t refused_ = 0;  // that are being told so
  bool ended_ = false, closed_ = false;
};

}  // namespace cordon::egress
