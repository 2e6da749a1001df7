// The launcher's own word on a job, for cordon-ledger: that it begins, before it does; how it ended, as seen here. Not
// through cordond, which may lie. Runs in: a fork of the resident launcher, as root.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/witness.hpp"

namespace cordon {

// Where the ledger is, and who. No socket: this instance keeps no evidence.
struct LedgerPlace {
  std::string socket;
  std::uint32_t uid = 0;
};

class Witness {
 public:
  explicit Witness(const LedgerPlace& ledger) : ledger_(ledger) {}

  // Says it; throws KernelError when there is nobody to say it to: then the job may not begin.
  void begin(witness::Started started);
  // Comes back when that is written. Throws KernelError when it is not within 5 s.
  void expect_begun();

  // Says it, or keeps it for finish(). Never throws, and does not wait.
  void end(const Finished& finished);
  // Comes back when that is written; after a minute without a ledger nobody will ever know it from here.
  void finish();

 private:
  void connect();
  bool is_written();  // within the patience of the socket

  const LedgerPlace& ledger_;
  Fd socket_;
  std::string job_;
  std::uint64_t run_ = 0;
  std::string unsaid_;  // the last word, until it is written
  bool end_is_sent_ = false;
};

}  // namespace cordon
