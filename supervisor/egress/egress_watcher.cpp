#include "supervisor/egress/egress_watcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "sandbox/kernel/check.hpp"
#include "supervisor/evidence/flow_evidence.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto longest_cut = std::chrono::seconds(1);        // however many are cut meanwhile
constexpr auto between_tellings = std::chrono::seconds(10);  // of a ledger that is lost again and again
constexpr auto look = std::chrono::milliseconds(100);        // no event says that a socket has come to be

}  // namespace

EgressWatcher::EgressWatcher(asio::any_io_executor executor, std::string socket_path, Operations& operations,
                             Evidence& evidence)
    : executor_(std::move(executor)),
      socket_path_(std::move(socket_path)),
      operations_(operations),
      evidence_(evidence) {}

void EgressWatcher::watch(bool has_grants) {
  if (!has_grants || watching_) return;
  watching_ = true;
  asio::co_spawn(executor_, keep_watching(), asio::detached);
}

JobFlowsPtr EgressWatcher::follow(const std::string& job, JobOwner whose) {
  auto flows = std::make_shared<JobFlows>();
  followed_[job] = {std::move(whose), flows, std::nullopt, false};
  return flows;
}

JobFlowsPtr EgressWatcher::cut(const std::string& job, FlowReason why) {
  const auto at = followed_.find(job);
  if (at == followed_.end()) return nullptr;
  auto& followed = at->second;
  if (followed.cut) return followed.flows;
  followed.cut = why;
  if (!is_gone_) followed.flows->begin_cut();
  if (followed.flows->is_flowing()) flowing_still_.insert(job);
  say_cut(job, why);
  return followed.flows;
}

void EgressWatcher::say_cut(const std::string& job, FlowReason why) {
  auto& jobs = cuts_[why];
  if (std::find(jobs.begin(), jobs.end(), job) != jobs.end()) return;
  jobs.push_back(job);
  if (jobs.size() == max_jobs_revoked)
    tell_cuts();
  else if (!std::exchange(tells_cuts_, true))
    asio::post(executor_, [this] {
      tells_cuts_ = false;
      tell_cuts();
    });
}

// Whoever kills a thousand says so in a few messages: a socket does not hold a thousand.
void EgressWatcher::tell_cuts() {
  for (auto& [why, jobs] : std::exchange(cuts_, {})) {
    for (auto first = jobs.begin(); first != jobs.end();) {
      const auto size = std::min<std::ptrdiff_t>(jobs.end() - first, max_jobs_revoked);
      tell(RevokeEgress{{first, first + size}, why});
      first += size;
    }
  }
}

awaitable<void> EgressWatcher::until_cut(Clock::duration patience) {
  Waker waker(executor_);
  const Watch watch(all_cut_, waker);
  const auto latest = Clock::now() + longest_cut;
  for (std::size_t before = 0; !flowing_still_.empty() && flowing_still_.size() != before;) {
    before = flowing_still_.size();
    const auto deadline = std::min(Clock::now() + patience, latest);
    while (!flowing_still_.empty() && Clock::now() < deadline) co_await waker.sleep(deadline);
    if (Clock::now() >= latest) break;
  }
}

void EgressWatcher::is_cut(const std::string& job) {
  if (flowing_still_.erase(job) > 0 && flowing_still_.empty()) all_cut_.ring();
}

void EgressWatcher::forget(const std::string& job) {
  followed_.erase(job);
  is_cut(job);
}

awaitable<std::optional<EgressFigures>> EgressWatcher::ask(Clock::time_point deadline) {
  const auto before = answers_;
  Waker waker(executor_);
  const Watch watch(heard_, waker);
  tell(AskFigures{});
  while (socket_ && answers_ == before && Clock::now() < deadline) co_await waker.sleep(deadline);
  co_return answers_ == before ? std::nullopt : std::optional(figures_);
}

const EgressWatcher::Followed* EgressWatcher::find(const std::string& job) const {
  const auto at = followed_.find(job);
  return at == followed_.end() ? nullptr : &at->second;
}

awaitable<void> EgressWatcher::keep_watching() {
  asio::steady_timer timer(executor_);
  for (;;) {
    try {
      auto connecting = LauncherSocket::connect(socket_path_);
      socket_ = co_await std::move(connecting);
      is_gone_ = false;
      ++connection_;
      if (evidence_.is_on()) asio::co_spawn(executor_, keep_ledger_lent(connection_), asio::detached);
      for (const auto& [job, followed] : followed_)
        if (followed.cut) cuts_[*followed.cut].push_back(job);
      tell_cuts();
      operations_.tell(EventKind::egress_back, {}, "cordon-egress tells of flows");
      auto hearing = hear();
      co_await std::move(hearing);
    } catch (const KernelError& e) {
      if (socket_) log("egress_watch_failed", {{"error", e.what()}}, Priority::warning);
      if (!socket_ && (e.error == ECONNREFUSED || e.error == ENOENT)) be_gone();
    } catch (const std::exception& e) {
      log("egress_watch_failed", {{"error", e.what()}}, Priority::warning);
    }
    if (socket_) lose_all();
    timer.expires_after(look);
    co_await timer.async_wait(as_result);
  }
}

awaitable<void> EgressWatcher::keep_ledger_lent(std::uint64_t connection) {
  asio::steady_timer timer(executor_);
  Waker waker(executor_);
  const Watch watch(ledger_lost_, waker);
  Clock::time_point told_at;
  while (connection == connection_) {
    if (lend_ledger()) {
      while (is_ledger_lent_ && connection == connection_) co_await waker.sleep();
      if (connection == connection_ && Clock::now() > told_at + between_tellings) {
        log("egress_ledger_lost", {}, Priority::warning);
        told_at = Clock::now();
      }
    }
    timer.expires_after(look);
    co_await timer.async_wait(as_result);
  }
}

bool EgressWatcher::lend_ledger() {
  const auto line = evidence_.line_for_flows();
  if (line) tell(LedgerComes{}, {line->get()});
  return is_ledger_lent_ = line.has_value();
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
  heard_.ring();
  ledger_lost_.ring();
  operations_.tell(EventKind::egress_lost, {}, "cordon-egress has gone, and with it every flow: no new one is let out");
  for (const auto& [job, followed] : followed_) followed.flows->lose();
  std::erase_if(followed_, [](const auto& one) { return one.second.is_over; });
}

// Nobody listens there: what it had let out has ended with it. A connection that is lost need not mean that.
void EgressWatcher::be_gone() {
  if (std::exchange(is_gone_, true)) return;
  for (const auto& [job, followed] : followed_) followed.flows->cut_is_heard();
  flowing_still_.clear();
  all_cut_.ring();
}

void EgressWatcher::forget_when_told(const std::string& job) {
  const auto at = followed_.find(job);
  if (at == followed_.end()) return;
  is_cut(job);
  if (!is_there()) return forget(job);
  at->second.is_over = true;
}

void EgressWatcher::take_end(const JobClosed& over) {
  const auto at = followed_.find(over.job);
  if (at == followed_.end()) return;
  at->second.flows->take(over);
  is_cut(over.job);
  if (at->second.is_over) return forget(over.job);
}

void EgressWatcher::take(const FlowRecord& record) {
  auto& metrics = operations_.metrics;
  const auto keep = [&](const auto& one) {
    const auto* followed = find(one.job);
    if (followed == nullptr) return;
    followed->flows->take(one);
    evidence_.note(flow_evidence(one, followed->whose));
  };
  if (const auto* one = std::get_if<FlowDecided>(&record)) return take_decision(*one);
  if (const auto* closed = std::get_if<FlowClosed>(&record)) {
    metrics.flow_closed(closed->reason == FlowReason::none ? "closed" : to_string(closed->reason), closed->bytes_up,
                        closed->bytes_down);
    keep(*closed);
    if (const auto* followed = find(closed->job); followed != nullptr && !followed->flows->is_flowing())
      is_cut(closed->job);
  } else if (const auto* moved = std::get_if<FlowMoved>(&record)) {
    if (const auto* followed = find(moved->job)) followed->flows->take(*moved);
  } else if (const auto* again = std::get_if<DeniedAgain>(&record)) {
    metrics.flow_denied(to_string(again->reason), again->times);
    keep(*again);
  } else if (const auto* query = std::get_if<QueryDenied>(&record)) {
    metrics.query_denied(query->times);
    keep(*query);
  } else if (const auto* over = std::get_if<JobClosed>(&record)) {
    take_end(*over);
  } else if (const auto* figures = std::get_if<EgressFigures>(&record)) {
    figures_ = *figures;
    ++answers_;
    heard_.ring();
  } else if (const auto* revoked = std::get_if<Revoked>(&record)) {
    for (const auto& job : revoked->jobs) take_revoked(job);
  } else if (std::holds_alternative<LedgerLost>(record)) {
    is_ledger_lent_ = false;
    ledger_lost_.ring();
  }
}

void EgressWatcher::take_revoked(const std::string& job) {
  const auto* followed = find(job);
  if (followed == nullptr) return;
  followed->flows->cut_is_heard();
  if (!followed->flows->is_flowing()) is_cut(job);
}

// One that is let out is on the record already, or is not to be; unless it asks, for it has found no ledger.
void EgressWatcher::take_decision(const FlowDecided& decided) {
  const auto* followed = find(decided.job);
  // Of a former cordond's, whose sandboxes end: nobody follows what it does.
  if (followed == nullptr && decided.allowed()) say_cut(decided.job, FlowReason::job_ended);
  if (decided.sequence != 0) answer(decided.sequence);
  if (!decided.allowed()) operations_.metrics.flow_denied(to_string(decided.reason), 1);
  if (followed == nullptr) return;
  followed->flows->take(decided);
  if (!decided.allowed()) evidence_.note(flow_evidence(decided, followed->whose));
}

// Once for all that has been heard when this handler is through.
void EgressWatcher::answer(std::uint64_t sequence) {
  if (std::exchange(asked_, sequence) != 0) return;
  asio::post(executor_, [this] {
    tell_cuts();  // nothing of those
    tell(EvidenceWritten{std::exchange(asked_, 0), !evidence_.is_on()});
  });
}

void EgressWatcher::tell(const WatcherMessage& message, const std::vector<int>& fds) {
  if (!socket_) return;
  try {
    socket_->send(encode(message), fds);
  } catch (const KernelError&) {
    socket_->close();  // it has gone, or does not read: whoever hears finds out, and nothing new is let out
  }
}

}  // namespace cordon
