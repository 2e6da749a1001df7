// The evidence of one directory as it lies there, read by whoever may: no ledger is needed. Where it is not as it was
// written this says so, and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/evidence/merkle.hpp"
#include "supervisor/evidence/note.hpp"

namespace cordon {

struct EvidenceFault {
  std::string file;  // its name in the directory
  std::optional<std::uint64_t> offset, entry;
  std::string what;
};
std::string to_string(const EvidenceFault& fault);

struct EvidenceEntry {
  std::string text;  // one line of JSON
  Sha256 leaf{};
  std::string file;
  std::uint64_t offset = 0;
};

struct EvidenceLog {
  std::optional<NoteVerifier> key;       // that signs for it
  std::optional<Checkpoint> checkpoint;  // the newest, if its signature is right
  std::string checkpoint_note;
  merkle::Frontier gone;  // before the first entry that is kept
  std::vector<EvidenceEntry> entries;
  std::vector<EvidenceFault> faults;  // in the order of the entries

  std::uint64_t size() const { return gone.size() + entries.size(); }
  merkle::Tree tree() const;
  const EvidenceEntry* entry(std::uint64_t index) const;  // nullptr: gone, or never was
};

// Reads all that is good. `key`: kept outside; otherwise the directory's own is believed. Throws KernelError when the
// directory cannot be read.
EvidenceLog read_evidence(const std::string& directory, const std::optional<NoteVerifier>& key = std::nullopt);

}  // namespace cordon
