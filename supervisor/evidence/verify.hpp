// Is the evidence of a directory whole, and nobody's but the ledger's? Pure, but for reading the files.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/evidence/cross_check.hpp"
#include "supervisor/evidence/log.hpp"

namespace cordon {

struct VerifyWish {
  std::string directory;
  std::optional<NoteVerifier> key;       // kept outside
  std::vector<std::string> checkpoints;  // notes that were kept outside
  std::chrono::seconds grace{60};        // between the launcher's word and cordond's
};

struct Verified {
  EvidenceLog log;
  std::vector<EvidenceFault> faults;  // the first of the log's comes first; none: it is whole
  CrossChecked jobs;
  std::uint64_t signed_entries = 0;
  std::uint64_t unsigned_entries = 0;  // behind the checkpoint: at most what came in its last second
};

Verified verify_evidence(const VerifyWish& wish);

}  // namespace cordon
