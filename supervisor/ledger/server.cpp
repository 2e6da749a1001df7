#include "supervisor/ledger/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "supervisor/evidence/flow_evidence.hpp"
#include "supervisor/ledger/attest.hpp"

namespace cordon::ledger {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto between_signatures = std::chrono::seconds(1);
constexpr auto between_tellings = std::chrono::minutes(10);  // of a checkpoint in the log: a copy that is not ours
constexpr std::size_t most_peers = 16384, most_at_once = 64;

void log(const std::string& line) {
  fmt::print(stderr, "cordon-ledger: {}\n", line);
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "\\n");
  return text;
}

}  // namespace

Server::Server(Store& store, Syncer& syncer, Listeners listeners, Fd signals)
    : store_(store), syncer_(syncer), listeners_(std::move(listeners)), signals_(std::move(signals)) {}

void Server::serve() {
  for (;;) {
    std::vector<pollfd> wanted{{signals_.get(), POLLIN, 0},
                               {syncer_.done_fd(), POLLIN, 0},
                               {listeners_.cordond.get(), POLLIN, 0},
                               {listeners_.launcher.get(), POLLIN, 0}};
    constexpr std::size_t own = 4;
    for (const auto& peer : peers_) wanted.push_back({peer.socket.get(), POLLIN, 0});
    if (::poll(wanted.data(), wanted.size(), patience()) < 0 && errno != EINTR) check(-1, "poll");
    for (std::size_t i = own; i < wanted.size(); ++i) {
      if (wanted[i].revents != 0) hear(i - own);
    }
    append_pending();
    std::erase_if(peers_, [](const Peer& peer) { return peer.over; });
    if (wanted[2].revents != 0) accept_all(listeners_.cordond.get(), Side::cordond);
    if (wanted[3].revents != 0) accept_all(listeners_.launcher.get(), Side::launcher);
    if (wanted[1].revents != 0) {
      if (const auto done = syncer_.take_done()) heed(*done);
    }
    if (wanted[0].revents != 0) break;
    sign_if_due();
  }
  if (syncer_.is_busy()) heed(syncer_.wait());
  syncer_.begin(store_.take_unsigned());
  heed(syncer_.wait());
}

int Server::patience() const {
  if (syncer_.is_busy() || store_.signed_size() == store_.tree().size()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(signed_at_ + between_signatures - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Server::accept_all(int listener, Side side) {
  const auto uid = side == Side::cordond ? listeners_.daemon_uid : 0;
  while (peers_.size() < most_peers) {
    pollfd waiting{listener, POLLIN, 0};
    if (::poll(&waiting, 1, 0) <= 0) break;
    auto socket = accept_from(listener, uid);
    if (!socket) continue;
    peers_.push_back({std::move(*socket), side});
    hear(peers_.size() - 1);  // most have said already what they came for
  }
  append_pending();
}

void Server::hear(std::size_t peer) {
  const auto most = peers_[peer].side == Side::launcher ? witness::max_witness_message : max_ledger_message;
  for (std::size_t i = 0; i < most_at_once && !peers_[peer].over; ++i) {
    try {
      const auto message = receive_message(peers_[peer].socket.get(), most, 0);
      if (!message) return;
      if (message->bytes.empty()) peers_[peer].over = true;
      if (!message->bytes.empty()) take(peer, message->bytes);
    } catch (const KernelError& e) {
      peers_[peer].over = true;
    }
  }
}

void Server::take(std::size_t peer, const std::string& message) {
  switch (peers_[peer].side) {
    case Side::cordond:
      return take_from_cordond(peer, message);
    case Side::egress:
      return take_from_egress(peer, message);
    case Side::launcher:
      return take_from_launcher(peer, message);
  }
}

void Server::take_from_cordond(std::size_t at, const std::string& message) {
  auto& peer = peers_[at];
  auto request = decode_to_ledger(message);
  if (!request) {
    log("cordond says what is not understood: its connection is closed");
    peer.over = true;
  } else if (const auto* hello = std::get_if<Hello>(&*request)) {
    append_pending();
    peer.client = hello->client;
    peer.taken = store_.last_number(hello->client);
    send(at,
         encode(Welcome{peer.taken, store_.tree().size(), store_.tree().root(), store_.signer().verifier().text()}));
  } else if (std::holds_alternative<Flows>(*request) && peer.client == 0) {
    peer.side = Side::egress;
  } else if (const auto* attest = std::get_if<Attest>(&*request)) {
    append_pending();
    send(at, encode(attested(store_, *attest)));
  } else if (auto* append = std::get_if<Append>(&*request);
             append == nullptr || peer.client == 0 || source_of(append->record.kind) != EvidenceSource::cordond) {
    log("cordond says what is not its to say: its connection is closed");
    peer.over = true;
  } else if (append->number <= peer.taken) {
    append_pending();
    send(at, encode(Appended{peer.taken, store_.tree().size()}));
  } else {
    peer.taken = append->number;
    append->record.put("client", fmt::format("{:016x}", peer.client))
        .put("number", fmt::format("{:x}", append->number));
    pending_.push_back({at, std::move(append->record), append->number});
  }
}

void Server::take_from_egress(std::size_t peer, const std::string& message) {
  if (const auto flow = decode_flow_to_write(message)) {
    pending_.push_back({peer, flow_evidence(flow->decided, flow->owner), flow->decided.sequence});
  } else {
    log("cordon-egress says what is not understood: its connection is closed");
    peers_[peer].over = true;
  }
}

void Server::take_from_launcher(std::size_t peer, const std::string& message) {
  if (const auto started = witness::decode_started(message)) {
    pending_.push_back({peer, record_of(*started), started->run});
  } else if (const auto ended = witness::decode_ended(message)) {
    pending_.push_back({peer, record_of(*ended), ended->run});
  } else {
    log("the launcher says what is not understood: its connection is closed");
    peers_[peer].over = true;
  }
}

// Group commit: whatever came while the last one was written.
void Server::append_pending() {
  if (pending_.empty()) return;
  std::vector<EvidenceRecord> records;
  records.reserve(pending_.size());
  for (auto& pending : pending_) records.push_back(std::move(pending.record));
  try {
    const auto size = store_.append(records);
    if (std::exchange(refusing_, false)) log("the evidence can be written again");
    answer_pending(size);
  } catch (const KernelError& e) {
    if (!std::exchange(refusing_, true)) log(e.what());
    refuse_pending(e);
  }
  pending_.clear();
}

bool Server::is_last_of_its_peer(std::size_t at) const {
  return at + 1 == pending_.size() || pending_[at + 1].peer != pending_[at].peer;
}

void Server::answer_pending(std::uint64_t size) {
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const auto& one = pending_[i];
    const auto side = peers_[one.peer].side;
    if (side == Side::launcher) {
      send(one.peer, witness::encode_written(one.number));
    } else if (is_last_of_its_peer(i)) {
      send(one.peer, side == Side::egress ? encode(WatcherMessage(EvidenceWritten{one.number}))
                                          : encode(FromLedger(Appended{one.number, size})));
    }
  }
}

// The launcher is not told why: that its connection ends is enough. Nor is cordon-egress: cordond is.
void Server::refuse_pending(const KernelError& why) {
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const auto& one = pending_[i];
    if (peers_[one.peer].side == Side::egress) {
      if (is_last_of_its_peer(i)) send(one.peer, encode(WatcherMessage(EvidenceWritten{one.number, false})));
    } else if (peers_[one.peer].side == Side::cordond) {
      send(one.peer, encode(NotAppended{one.number, why.step, why.object, why.error, why.remedy}));
    } else {
      peers_[one.peer].over = true;
    }
  }
}

// Whoever lets answers pile up does without: it asks again over another connection.
void Server::send(std::size_t peer, std::string_view message) {
  try {
    if (!send_message(peers_[peer].socket.get(), message)) peers_[peer].over = true;
  } catch (const KernelError&) {
    peers_[peer].over = true;
  }
}

void Server::sign_if_due() {
  if (syncer_.is_busy() || store_.signed_size() == store_.tree().size()) return;
  if (Clock::now() < signed_at_ + between_signatures) return;
  syncer_.begin(store_.take_unsigned());
}

void Server::heed(const Syncer::Done& done) {
  signed_at_ = Clock::now();
  if (done.lost) throw std::runtime_error(done.trouble);
  if (!done.trouble.empty()) return log(done.trouble);
  store_.signed_up_to(done.size);
  if (told_at_ == Clock::time_point() || Clock::now() > told_at_ + between_tellings) {
    told_at_ = Clock::now();
    log("checkpoint " + one_line(done.note));
  }
  try {
    auto kept = store_.retain();
    if (!kept.empty() && kept != kept_) log("a hold keeps " + kept + " from being deleted");
    kept_ = std::move(kept);
  } catch (const KernelError& e) {
    log(e.what());
  }
}

}  // namespace cordon::ledger
