// A cordon-egress of the test's own, who brings it jobs as a launcher does, and who it speaks with: as cordond does,
// and as cordon-ledger does on the connection that cordond hands to it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "netfilter/egress_job.hpp"
#include "profiles/flow_record.hpp"
#include "tests/egress/world.hpp"

namespace cordon::egress_test {

inline constexpr std::uint32_t egress_uid = 61002;  // whose wall stands as long as nobody takes it away

// As a launcher has it: the connection, closed with it. The listeners are cordon-egress's alone.
class OpenJob {
 public:
  OpenJob(Fd connection, std::optional<EgressAnswer> answer) : connection_(std::move(connection)), answer_(answer) {}
  bool served() const { return answer_ && answer_->refusal == EgressRefusal::none; }
  std::optional<EgressAnswer> answer() const { return answer_; }
  void close() { connection_.reset(); }
  int connection() const { return connection_.get(); }

 private:
  Fd connection_;
  std::optional<EgressAnswer> answer_;
};

class Watcher {
 public:
  enum class Manner { writes, refuses, is_silent };  // what becomes of a decision
  // Who is asked: the ledger; or cordond itself, where there is no evidence.
  enum class Asked { ledger, cordond };

  Watcher(const std::string& socket, Manner manner, Asked asked = Asked::ledger);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // All of that kind so far.
  template <typename T>
  std::vector<T> all() {
    const std::lock_guard lock(mutex_);
    std::vector<T> out;
    for (const auto& record : records_)
      if (const auto* one = std::get_if<T>(&record)) out.push_back(*one);
    return out;
  }
  std::vector<FlowRecord> all() {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  // Waits until there are that many; what there is after 10 s.
  template <typename T>
  std::vector<T> wait_for(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    const auto enough = [&] {
      std::size_t n = 0;
      for (const auto& record : records_) n += std::holds_alternative<T>(record) ? 1 : 0;
      return n >= count;
    };
    changed_.wait_for(lock, std::chrono::seconds(10), enough);
    lock.unlock();
    return all<T>();
  }
  // What the ledger was asked so far; waits until it was that often, 10 s at most.
  std::vector<FlowToWrite> wait_for_asked(std::size_t count = 1);
  void lend_ledger();
  void lose_ledger();
  void say_as_ledger(const WatcherMessage& message);
  void say(const WatcherMessage& message);

  EgressFigures figures();
  void revoke(const std::string& job);
  void forget();

 private:
  void listen();
  void be_ledger();

  Fd socket_, ledger_;
  Manner manner_;
  Asked asked_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<FlowRecord> records_;
  std::vector<FlowToWrite> written_;
  std::thread thread_, ledger_thread_;
};

class Proxy {
 public:
  explicit Proxy(World& world, Watcher::Manner manner = Watcher::Manner::writes,
                 Watcher::Asked asked = Watcher::Asked::ledger);

  OpenJob open(const EgressJob& job);
  // The same with a message and descriptors of the test's.
  OpenJob open_with(std::string_view message, const std::vector<Fd>& fds);
  std::vector<Fd> sockets_for(const EgressJob& job);

  Watcher& watcher() { return *watcher_; }
  void lose_watcher() { watcher_.reset(); }
  void new_watcher() { watcher_ = std::make_unique<Watcher>(socket_, Watcher::Manner::writes); }
  Child& process() { return *process_; }
  const std::string& socket() const { return socket_; }

 private:
  World& world_;
  std::string socket_;
  std::unique_ptr<Child> process_;
  std::unique_ptr<Watcher> watcher_;
};

// A job with these grants, complete.
EgressJob job_of(EgressGrants grants, const std::string& id = "job-1");
EgressGrant grant(const std::string& name_or_network, std::vector<std::uint16_t> ports, EgressMode mode);

}  // namespace cordon::egress_test
