// The connection to who writes evidence (cordond): decisions go out and come back written, the rest goes out. While
// nobody is connected, or does not read, `written` says no.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "netfilter/proxy/later.hpp"
#include "netfilter/proxy/seqpacket.hpp"
#include "profiles/flow_record.hpp"

namespace cordon::egress {

class Evidence {
 public:
  explicit Evidence(asio::io_context& io) : io_(io) {}

  // From now on this one; the decisions that the former one has not answered are refused.
  void connect(Descriptor watcher);
  bool connected() const { return watcher_ != nullptr; }

  // True when it is written. The waiter may give up (job's end), nothing is left of it then.
  using Waiter = std::shared_ptr<Later<bool>>;
  void ask(FlowDecided decision, const Waiter& waiter);

  void tell(const FlowRecord& record);

  // Who ends the egress of a job, when cordond says so. Once, before anybody connects.
  void on_revoke(std::function<void(const RevokeEgress&)> revoke) { revoke_ = std::move(revoke); }
  // Would a denial find room now? Those that do not are counted where they happen, and told later.
  bool has_room() const { return queue_.size() < crowded; }

  EgressFigures& figures() { return figures_; }

 private:
  struct Watcher;
  using WatcherPtr = std::shared_ptr<Watcher>;
  static constexpr std::size_t crowded = 1024;  // records waiting to be read: no new flows, no new denials

  awaitable<void> listen(WatcherPtr watcher);
  bool take_all(const WatcherPtr& watcher);  // false: it has gone
  awaitable<void> drain(WatcherPtr watcher);
  void send(std::string bytes);
  void handle(const WatcherMessage& message);
  void disconnect(const WatcherPtr& watcher);

  asio::io_context& io_;
  WatcherPtr watcher_;
  std::deque<std::string>
      queue_;  // of records; bounded: decisions and denials stop at `crowded`, each live flow has one more
  std::map<std::uint64_t, Waiter> waiting_;
  std::uint64_t sequence_ = 0;
  EgressFigures figures_;
  std::function<void(const RevokeEgress&)> revoke_;
};

}  // namespace cordon::egress
