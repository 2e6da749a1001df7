// The counts of refusals that are in no record yet (STATE/daemon/refusals): a place for each kind, written over with
// every further refusal. It outlives cordond's end, by kill -9 too; a loss of power may take the last.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon {

class RefusalFile {
 public:
  // Opens or makes it. Throws KernelError.
  explicit RefusalFile(std::string path);

  std::vector<EvidenceRecord> read() const;  // what is whole of what a former cordond has left
  // A record that is too long for its place goes without its longest texts. A disk without room keeps the older count.
  void put(std::size_t place, EvidenceRecord record);
  void clear(std::size_t place);
  void clear();

 private:
  std::string path_;
  Fd file_;
};

}  // namespace cordon
