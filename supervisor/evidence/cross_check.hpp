// What cordond says of jobs, held against what the launcher says of them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/evidence/log.hpp"

namespace cordon {

struct CrossChecked {
  std::size_t decisions = 0, outcomes = 0, started = 0, ended = 0;
  std::vector<EvidenceFault> contradictions;
  std::vector<std::string> open;  // jobs that have not ended on the record, as far as that may be
};

// `grace`: what may lie between the launcher's word and cordond's. Entries that are no JSON are faults of the log's.
CrossChecked cross_check(const EvidenceLog& log, std::chrono::seconds grace);

}  // namespace cordon
