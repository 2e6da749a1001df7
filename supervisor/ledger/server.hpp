// The one loop of cordon-ledger: takes what cordond, cordon-egress and the launcher say, appends what came together
// with one write, and only then answers. Once a second at most what is new is brought to the disk and signed for. Runs
// in: cordon-ledger.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/kernel/check.hpp"
#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/ledger/peers.hpp"
#include "supervisor/ledger/store.hpp"
#include "supervisor/ledger/syncer.hpp"

namespace cordon::ledger {

struct Listeners {
  Fd cordond, launcher;
  std::uint32_t daemon_uid = 0;
};

class Server {
 public:
  Server(Store& store, Syncer& syncer, Listeners listeners, Fd signals);

  void serve();  // until SIGTERM or SIGINT; then everything is signed for

 private:
  struct Pending {
    std::size_t peer = 0;
    EvidenceRecord record;
    std::uint64_t number = 0;  // cordond's; cordon-egress's sequence; the launcher's run
  };
  void accept_all(int listener, Side side);
  void hear(std::size_t peer);
  void take(std::size_t peer, const std::string& message);
  void take_from_cordond(std::size_t peer, const std::string& message);
  void take_from_egress(std::size_t peer, const std::string& message);
  void take_from_launcher(std::size_t peer, const std::string& message);
  void append_pending();
  bool is_last_of_its_peer(std::size_t at) const;  // what came of one is together
  void answer_pending(std::uint64_t size);
  void refuse_pending(const KernelError& why);
  void send(std::size_t peer, std::string_view message);
  void sign_if_due();
  void heed(const Syncer::Done& done);
  int patience() const;  // of poll(2), in milliseconds

  Store& store_;
  Syncer& syncer_;
  Listeners listeners_;
  Fd signals_;
  std::vector<Peer> peers_;
  std::vector<Pending> pending_;
  std::chrono::steady_clock::time_point signed_at_, told_at_;
  bool refusing_ = false;  // the last append failed
  std::string kept_;       // the segment that a hold keeps
};

}  // namespace cordon::ledger
