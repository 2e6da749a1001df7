// Whatever is let out is on the record first: a decision goes to cordon-ledger, over a connection that cordond has
// handed to us, and comes back written. All else goes to cordond; so do decisions, to be known there, or to be asked
// where there is no ledger. While cordond is not connected, or does not read, `written` says no.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "netfilter/proxy/later.hpp"
#include "netfilter/proxy/seqpacket.hpp"
#include "profiles/flow_record.hpp"

namespace cordon::egress {

class Evidence {
 public:
  explicit Evidence(asio::io_context& io) : io_(io) {}

  // From now on this cordond; the decisions that wait for an answer are refused.
  void connect(Descriptor watcher);
  bool connected() const { return watcher_ != nullptr; }

  // Delivers true when it is written. The waiter may give up (job's end), nothing is left of it then. cordond hears of
  // it, too: before anything else is told, or else a few milliseconds later. Whoever wakes it at once takes a processor
  // from those that are to answer.
  using Waiter = std::shared_ptr<Later<bool>>;
  void ask(const FlowDecided& decision, const JobOwner& owner, const Waiter& waiter);

  void tell(const FlowRecord& record);

  // Who ends the egress of a job, when cordond says so. Once, before anybody connects.
  void on_revoke(std::function<void(const RevokeEgress&)> revoke) { revoke_ = std::move(revoke); }
  // Would a flow that is let out be recorded now?
  bool has_room() const { return connected() && has_room_for_denial() && waiting_.size() < most_waiting; }
  // Would a denial be? Those that are not are counted where they happen, and told later.
  bool has_room_for_denial() const { return for_watcher_.size() + soon_.size() < crowded; }

  // Has cordond read all that was told? Only then is it told what need not be.
  bool is_read() const { return connected() && for_watcher_.empty(); }

  EgressFigures& figures() { return figures_; }

 private:
  struct Line;
  using LinePtr = std::shared_ptr<Line>;
  static constexpr std::size_t crowded = 1024;       // records waiting to be read: no new flows, no new denials
  static constexpr std::size_t most_waiting = 4096;  // decisions without an answer, those given up included

  void begin(const LinePtr& line);
  awaitable<void> listen(LinePtr line);
  bool take_all(const LinePtr& line);  // false: it has gone
  bool take_from_ledger(const WatcherMessage& message, const Packet& packet);
  bool take_from_watcher(const WatcherMessage& message, Packet& packet);
  void take_ledger(Packet& packet);
  awaitable<void> drain(LinePtr line);
  awaitable<void> tell_in_time();
  void tell_what_waits();
  void send(const LinePtr& line, std::deque<std::string>& queue, std::string bytes);
  void take_answer(const EvidenceWritten& answer);
  void disconnect(const LinePtr& line);
  void disconnect_ledger();
  void refuse_waiting();
  bool is_current(const LinePtr& line) const { return line == watcher_ || line == ledger_; }

  asio::io_context& io_;
  LinePtr watcher_, ledger_;
  // Messages that wait to be read. Bounded: flows and denials stop at `crowded`, each live flow has two more; to the
  // ledger goes what is in `waiting_`.
  std::deque<std::string> for_watcher_, for_ledger_;
  std::vector<std::string> soon_;  // goes to cordond, too
  bool tells_in_time_ = false;
  std::map<std::uint64_t, Waiter> waiting_;
  std::uint64_t sequence_ = 0;
  EgressFigures figures_;
  std::function<void(const RevokeEgress&)> revoke_;
};

}  // namespace cordon::egress
