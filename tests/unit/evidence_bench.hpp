// A log made by the ledger's own store, for tests: entries of jobs that ran as they should.
#pragma once

#include <string>
#include <vector>

#include "supervisor/ledger/store.hpp"

namespace cordon::test {

// A directory that is gone with this.
struct Scratch {
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path;
};

// What cordond and the launcher say of one job that exits with `code`.
std::vector<EvidenceRecord> story(unsigned number, std::uint64_t code = 0);

// So many jobs in the log, and then all of it signed for.
void fill(ledger::Store& store, unsigned first_job, unsigned jobs);
void sign(ledger::Store& store, const std::string& directory);

// A log of `jobs` in files of at most about `segment_bytes`.
void make_log(const std::string& directory, unsigned jobs, std::uint64_t segment_bytes = 8192);

}  // namespace cordon::test
