// Brings entries to the disk and signs for them, on a thread of its own: fsync(2) may take long, and nobody waits for
// it. Runs in: cordon-ledger.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/ledger/store.hpp"

namespace cordon::ledger {

class Syncer {
 public:
  Syncer(std::string directory, const NoteSigner& signer);  // the signer outlives it
  ~Syncer();                                                // after what it has begun
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  int done_fd() const { return done_.get(); }  // readable when something is done
  bool is_busy() const { return busy_; }
  void begin(Store::Unsigned what);  // only when it is not busy

  struct Done {
    std::uint64_t size = 0;
    std::string note;     // the checkpoint that is on the disk now
    std::string trouble;  // or why it is not
    bool lost = false;    // entries may not be on the disk, and never will be told apart: only a new start can look
  };
  std::optional<Done> take_done();
  Done wait();  // for what was begun

 private:
  void work();
  Done bring_to_disk(const Store::Unsigned& what) const;

  std::string directory_;
  const NoteSigner& signer_;
  Fd done_;
  bool busy_ = false;  // of the caller's thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Store::Unsigned> wanted_;
  std::optional<Done> result_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace cordon::ledger
