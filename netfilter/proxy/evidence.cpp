#include "netfilter/proxy/evidence.hpp"

#include <utility>

namespace cordon::egress {

namespace {

constexpr int most_at_once = 256;
constexpr auto soon = std::chrono::milliseconds(5);

}  // namespace

struct Evidence::Line {
  Line(Descriptor connected, std::deque<std::string>& waiting) : socket(std::move(connected)), queue(waiting) {}
  Descriptor socket;
  std::deque<std::string>& queue;
  bool draining = true;
};

void Evidence::connect(Descriptor watcher) {
  if (watcher_) disconnect(LinePtr(watcher_));
  std::erase(for_watcher_, encode(FlowRecord(LedgerLost{})));  // this one will bring a ledger anyway
  watcher_ = std::make_shared<Line>(std::move(watcher), for_watcher_);
  begin(watcher_);
}

void Evidence::begin(const LinePtr& line) {
  error_code ignored;  // each call asks for that again
  line->socket.non_blocking(true, ignored);
  asio::co_spawn(io_, listen(line), asio::detached);
  asio::co_spawn(io_, drain(line), asio::detached);
}

void Evidence::ask(const FlowDecided& decision, const JobOwner& owner, const Waiter& waiter) {
  if (!has_room()) return waiter->deliver(false);
  auto asked = decision;
  asked.sequence = ++sequence_;
  waiting_.emplace(asked.sequence, waiter);
  figures_.waiting_for_evidence = waiting_.size();
  if (!ledger_) return tell(asked);
  send(ledger_, for_ledger_, encode(FlowToWrite{owner, std::move(asked)}));
  soon_.push_back(encode(FlowRecord(decision)));
  if (!std::exchange(tells_in_time_, true)) asio::co_spawn(io_, tell_in_time(), asio::detached);
}

awaitable<void> Evidence::tell_in_time() {
  asio::steady_timer timer(io_, soon);
  co_await timer.async_wait(as_result);
  tells_in_time_ = false;
  tell_what_waits();
}

void Evidence::tell(const FlowRecord& record) {
  tell_what_waits();
  send(watcher_, for_watcher_, encode(record));
}

void Evidence::tell_what_waits() {
  for (auto& bytes : std::exchange(soon_, {})) send(watcher_, for_watcher_, std::move(bytes));
}

// In order: what waits goes first.
void Evidence::send(const LinePtr& line, std::deque<std::string>& queue, std::string bytes) {
  if (line && queue.empty()) {
    const auto sent = send_packet(line->socket, bytes);
    if (sent == Sent::whole) return;
    if (sent == Sent::failed) {
      disconnect(LinePtr(line));
      if (&queue == &for_ledger_) return;  // nobody waits for it any more
    }
  }
  queue.push_back(std::move(bytes));
  if (!line || line->draining) return;
  line->draining = true;
  asio::co_spawn(io_, drain(line), asio::detached);
}

awaitable<void> Evidence::drain(LinePtr line) {
  while (is_current(line) && !line->queue.empty()) {
    const auto sent = send_packet(line->socket, line->queue.front());
    if (sent == Sent::failed) break;
    if (sent == Sent::whole) {
      line->queue.pop_front();
      continue;
    }
    const auto [error] = co_await line->socket.async_wait(Descriptor::wait_write, as_result);
    if (error) break;
  }
  line->draining = false;
}

awaitable<void> Evidence::listen(LinePtr line) {
  for (;;) {
    const auto [error] = co_await line->socket.async_wait(Descriptor::wait_read, as_result);
    if (error || !take_all(line)) break;
  }
  disconnect(line);
}

// All that is there (but others come, too), before what it causes: of a thousand jobs whose flows are to be cut the
// last is not to wait for what the first has to tell.
bool Evidence::take_all(const LinePtr& line) {
  for (int i = 0; i < most_at_once; ++i) {
    if (!is_current(line)) return false;  // another has taken over
    auto packet = receive_packet(line->socket, max_watcher_message, line == watcher_ ? 1 : 0);
    if (packet.state == Packet::State::nothing_yet) return true;
    const auto message = decode_watcher_message(packet.bytes);
    if (!message || packet.state == Packet::State::closed) return false;
    if (!(line == ledger_ ? take_from_ledger(*message, packet) : take_from_watcher(*message, packet))) return false;
  }
  return true;
}

// It answers, and says nothing else.
bool Evidence::take_from_ledger(const WatcherMessage& message, const Packet& packet) {
  const auto* written = std::get_if<EvidenceWritten>(&message);
  if (written == nullptr || packet.state != Packet::State::whole) return false;
  take_answer(*written);
  return true;
}

bool Evidence::take_from_watcher(const WatcherMessage& message, Packet& packet) {
  if (std::holds_alternative<LedgerComes>(message)) return take_ledger(packet), true;
  if (packet.state != Packet::State::whole || !packet.fds.empty()) return false;
  if (const auto* revoked = std::get_if<RevokeEgress>(&message)) {
    revoke_(*revoked);
  } else if (const auto* written = std::get_if<EvidenceWritten>(&message)) {
    if (!ledger_) take_answer(*written);
  } else {
    tell(figures_);
  }
  return true;
}

// What was asked of another is refused: its answers do not count any more. Without a descriptor (there was no room for
// it: recvmsg(2), MSG_CTRUNC) cordond tries again.
void Evidence::take_ledger(Packet& packet) {
  disconnect_ledger();
  refuse_waiting();
  if (packet.fds.size() != 1) return tell(LedgerLost{});
  ledger_ = std::make_shared<Line>(std::move(packet.fds[0]), for_ledger_);
  begin(ledger_);
}

void Evidence::take_answer(const EvidenceWritten& answer) {
  const auto end = waiting_.upper_bound(answer.sequence);
  for (auto at = waiting_.begin(); at != end; ++at) at->second->deliver(answer.written);
  waiting_.erase(waiting_.begin(), end);
  figures_.waiting_for_evidence = waiting_.size();
}

void Evidence::disconnect(const LinePtr& line) {
  if (line == ledger_) {
    disconnect_ledger();
    return tell(LedgerLost{});
  }
  error_code ignored;
  line->socket.close(ignored);
  if (line != watcher_) return;
  watcher_ = nullptr;
  disconnect_ledger();  // the next one brings its own
  refuse_waiting();
}

// What was asked there is not known to be written.
void Evidence::disconnect_ledger() {
  if (!ledger_) return;
  error_code ignored;
  ledger_->socket.close(ignored);
  ledger_ = nullptr;
  for_ledger_.clear();
  refuse_waiting();
}

void Evidence::refuse_waiting() {
  for (auto& [sequence, waiter] : waiting_) waiter->deliver(false);
  waiting_.clear();
  figures_.waiting_for_evidence = 0;
}

}  // namespace cordon::egress
