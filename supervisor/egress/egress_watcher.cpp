#include "supervisor/egress/egress_watcher.hpp"

#include "sandbox/kernel/check.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto look = std::chrono::milliseconds(100);  // no event says that a socket has come to be

}  // namespace

// Until an evidence ledger is asked, the job's own report is where a decision stands.
EgressWatcher::EgressWatcher(asio::any_io_executor executor, std::string socket_path, Operations& operations)
    : executor_(std::move(executor)),
      socket_path_(std::move(socket_path)),
      operations_(operations),
      write_evidence_([](const FlowDecided&, const Written& written) { written(true); }) {}

void EgressWatcher::watch(bool has_grants) {
  if (!has_grants || watching_) return;
  watching_ = true;
  asio::co_spawn(executor_, keep_watching(), asio::detached);
}

JobFlowsPtr EgressWatcher::follow(const std::string& job) {
  auto flows = std::make_shared<JobFlows>();
  followed_[job] = flows;
  return flows;
}

awaitable<void> EgressWatcher::keep_watching() {
  asio::steady_timer timer(executor_);
  for (;;) {
    try {
      auto connecting = LauncherSocket::connect(socket_path_);
      socket_ = co_await std::move(connecting);
      ++connection_;
      operations_.tell(EventKind::egress_back, {}, "cordon-egress tells of flows, and waits for their evidence");
      auto hearing = hear();
      co_await std::move(hearing);
    } catch (const std::exception& e) {
      if (socket_) log("egress_watch_failed", {{"error", e.what()}}, Priority::warning);
    }
    if (socket_) lose_all();
    timer.expires_after(look);
    co_await timer.async_wait(as_result);
  }
}

awaitable<void> EgressWatcher::hear() {
  for (;;) {
    auto receiving = socket_->receive();
    const auto message = co_await std::move(receiving);
    if (message.bytes.empty()) co_return;
    const auto record = decode_flow_record(message.bytes);
    if (!record) throw KernelError("understand cordon-egress", "a record", EBADMSG);
    take(*record);
  }
}

void EgressWatcher::lose_all() {
  socket_.reset();
  ++connection_;
  operations_.tell(EventKind::egress_lost, {}, "cordon-egress has gone, and with it every flow: no new one is let out");
  for (const auto& [job, flows] : followed_) flows->lose();
}

JobFlows* EgressWatcher::flows_of(const std::string& job) {
  const auto at = followed_.find(job);
  return at == followed_.end() ? nullptr : at->second.get();
}

void EgressWatcher::take(const FlowRecord& record) {
  auto& metrics = operations_.metrics;
  const auto pass_on = [&](const auto& one) {
    if (auto* flows = flows_of(one.job)) flows->take(one);
  };
  if (const auto* one = std::get_if<FlowDecided>(&record)) return decided(*one);
  if (const auto* one = std::get_if<FlowClosed>(&record)) {
    metrics.flow_closed(one->reason == FlowReason::none ? "closed" : to_string(one->reason), one->bytes_up,
                        one->bytes_down);
    pass_on(*one);
  } else if (const auto* again = std::get_if<DeniedAgain>(&record)) {
    metrics.flow_denied(to_string(again->reason), again->times);
    pass_on(*again);
  } else if (const auto* query = std::get_if<QueryDenied>(&record)) {
    metrics.query_denied(query->times);
    pass_on(*query);
  } else if (const auto* closed = std::get_if<JobClosed>(&record)) {
    pass_on(*closed);
  }
}

void EgressWatcher::decided(const FlowDecided& decided) {
  auto* flows = flows_of(decided.job);
  if (flows != nullptr) flows->take(decided);
  if (!decided.allowed()) return operations_.metrics.flow_denied(to_string(decided.reason), 1);
  const auto connection = connection_;
  if (flows == nullptr) return acknowledge(connection, decided.sequence, false);
  write_evidence_(decided, [this, connection, sequence = decided.sequence](bool written) {
    acknowledge(connection, sequence, written);
  });
}

void EgressWatcher::acknowledge(std::uint64_t connection, std::uint64_t sequence, bool written) {
  if (!socket_ || connection != connection_) return;
  try {
    socket_->send(encode(WatcherMessage(EvidenceWritten{sequence, written})));
  } catch (const KernelError&) {
    socket_->close();  // it has gone, or does not read: whoever hears finds out, and the flow stays refused
  }
}

}  // namespace cordon
