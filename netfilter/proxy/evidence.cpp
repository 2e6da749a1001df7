#include "netfilter/proxy/evidence.hpp"

namespace cordon::egress {

namespace {

constexpr int most_at_once = 256;

}  // namespace

struct Evidence::Watcher {
  explicit Watcher(Descriptor connected) : socket(std::move(connected)) {}
  Descriptor socket;
  bool draining = false;
};

void Evidence::connect(Descriptor watcher) {
  if (watcher_) disconnect(watcher_);
  watcher_ = std::make_shared<Watcher>(std::move(watcher));
  watcher_->socket.non_blocking(true);
  asio::co_spawn(io_, listen(watcher_), asio::detached);
  watcher_->draining = true;
  asio::co_spawn(io_, drain(watcher_), asio::detached);
}

void Evidence::ask(FlowDecided decision, const Waiter& waiter) {
  if (!connected() || !has_room()) return waiter->deliver(false);
  decision.sequence = ++sequence_;
  waiting_.emplace(decision.sequence, waiter);
  figures_.waiting_for_evidence = waiting_.size();
  send(encode(FlowRecord{std::move(decision)}));
}

void Evidence::tell(const FlowRecord& record) {
  send(encode(record));
}

// In order: what waits goes first.
void Evidence::send(std::string bytes) {
  if (watcher_ && queue_.empty()) {
    const auto sent = send_packet(watcher_->socket, bytes);
    if (sent == Sent::whole) return;
    if (sent == Sent::failed) disconnect(watcher_);
  }
  queue_.push_back(std::move(bytes));
  if (!watcher_ || watcher_->draining) return;
  watcher_->draining = true;
  asio::co_spawn(io_, drain(watcher_), asio::detached);
}

awaitable<void> Evidence::drain(WatcherPtr watcher) {
  while (watcher == watcher_ && !queue_.empty()) {
    const auto sent = send_packet(watcher->socket, queue_.front());
    if (sent == Sent::failed) break;
    if (sent == Sent::whole) {
      queue_.pop_front();
      continue;
    }
    const auto [error] = co_await watcher->socket.async_wait(Descriptor::wait_write, as_result);
    if (error) break;
  }
  watcher->draining = false;
}

awaitable<void> Evidence::listen(WatcherPtr watcher) {
  for (;;) {
    const auto [error] = co_await watcher->socket.async_wait(Descriptor::wait_read, as_result);
    if (error) break;
    if (!take_all(watcher)) break;
  }
  disconnect(watcher);
}

// All that is there (but others come, too), before what it causes: of a thousand jobs whose flows are to be cut the
// last is not to wait for what the first has to tell.
bool Evidence::take_all(const WatcherPtr& watcher) {
  for (int i = 0; i < most_at_once; ++i) {
    if (watcher != watcher_) return false;  // another has taken over
    const auto packet = receive_packet(watcher->socket, max_watcher_message, 0);
    if (packet.state == Packet::State::nothing_yet) return true;
    const auto message = decode_watcher_message(packet.bytes);
    if (packet.state != Packet::State::whole || !message) return false;
    handle(*message);
  }
  return true;
}

void Evidence::handle(const WatcherMessage& message) {
  if (const auto* revoked = std::get_if<RevokeEgress>(&message)) return revoke_(*revoked);
  const auto* written = std::get_if<EvidenceWritten>(&message);
  if (written == nullptr) return tell(figures_);
  const auto found = waiting_.find(written->sequence);
  if (found == waiting_.end()) return;
  found->second->deliver(written->written);
  waiting_.erase(found);
  figures_.waiting_for_evidence = waiting_.size();
}

void Evidence::disconnect(const WatcherPtr& watcher) {
  error_code ignored;
  watcher->socket.close(ignored);
  if (watcher != watcher_) return;
  watcher_ = nullptr;
  for (auto& [sequence, waiter] : waiting_) waiter->deliver(false);
  waiting_.clear();
  figures_.waiting_for_evidence = 0;
}

}  // namespace cordon::egress
