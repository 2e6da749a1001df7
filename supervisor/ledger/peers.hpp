// Who speaks with the ledger, and what of it is an entry to be. Runs in: cordon-ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/witness.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon::ledger {

enum class Side : std::uint8_t { cordond, egress, launcher };

struct Peer {
  Fd socket;
  Side side = Side::cordond;
  std::uint64_t client = 0;  // of cordond's, once it has said hello
  std::uint64_t taken = 0;   // its last number that is written, or about to be
  bool over = false;
};

// A listening SEQPACKET socket at `path`, in a directory that is ours alone.
Fd listen_at(const std::string& path, unsigned mode);
// nullopt: there is nobody, or somebody else than `uid`.
std::optional<Fd> accept_from(int listener, std::uint32_t uid);

EvidenceRecord record_of(const witness::Started& started);
EvidenceRecord record_of(const witness::Ended& ended);

}  // namespace cordon::ledger
