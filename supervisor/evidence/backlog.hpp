// What has happened and the ledger cannot write yet, in a file of cordond's (STATE/daemon/untold): it is told whatever
// becomes of this cordond. It outlives its end, by kill -9 too; not a loss of power, and nor does what the ledger has
// answered for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon {

class EvidenceBacklog {
 public:
  // Opens or makes it. Throws KernelError.
  explicit EvidenceBacklog(std::string path);

  // What a former cordond has left in it, in order. What it was about to add when it ended is cut off.
  std::vector<EvidenceRecord> read();
  // Behind the others; false: there is no room for it, or too much is in it.
  bool add(const EvidenceRecord& record);
  void clear();  // all of it is written by the ledger

  static constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

 private:
  void cut(std::uint64_t size);

  std::string path_;
  Fd file_;
  std::uint64_t size_ = 0;
};

}  // namespace cordon
