// The files of the ledger, and the only code that writes them: segments of entries, each append one write(2); the
// signed checkpoint; the key. Runs in: cordon-ledger.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/evidence/merkle.hpp"
#include "supervisor/evidence/note.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon::ledger {

struct StoreLimits {
  std::uint64_t segment_bytes = std::uint64_t{16} << 20;
  std::uint64_t retain_bytes = std::uint64_t{4} << 30;
  std::chrono::seconds keep_at_least = std::chrono::hours(24);  // whatever came meanwhile
};

// What was found at the start.
struct Found {
  std::uint64_t size = 0;           // entries
  std::uint64_t unsigned_tail = 0;  // behind the last checkpoint
  std::uint64_t torn_bytes = 0;     // of a frame that was being written when a former ledger ended
};

class Store {
 public:
  // Opens or makes the log in this directory. Throws KernelError when what the checkpoint vouches for is not there.
  Store(std::string directory, const std::string& origin, StoreLimits limits);

  // All of them or none: then it throws KernelError, and the files are as before; std::runtime_error: only a new start
  // can make them so. The size of the tree.
  std::uint64_t append(const std::vector<EvidenceRecord>& records);

  const merkle::Frontier& tree() const { return tree_; }
  const NoteSigner& signer() const { return signer_; }
  const Found& found() const { return found_; }
  std::uint64_t last_number(std::uint64_t client) const;  // of the Appends of one cordond

  // What a checkpoint vouches for once `segments` are on the disk.
  struct Unsigned {
    Checkpoint checkpoint;
    std::vector<Fd> segments;
  };
  Unsigned take_unsigned();
  void signed_up_to(std::uint64_t size) { signed_ = size; }
  std::uint64_t signed_size() const { return signed_; }

  // Deletes the oldest segments that are too much and may go. The name of the one that a hold kept, and with it all
  // that came later: what is left is always one piece.
  std::string retain();
  const std::vector<std::string>& holds() const { return holds_; }

  // The entry's text. Throws KernelError when it is gone or damaged.
  std::string entry(std::uint64_t index) const;

 private:
  struct SegmentFile {
    std::uint64_t first = 0, bytes = 0;
    std::chrono::system_clock::time_point newest;  // when it was last written
  };
  void open_last();
  void read_back(const Checkpoint& signed_before);
  void begin_segment();
  void heed(const EvidenceRecord& record);
  void hold(const std::string& scope);
  void save_holds() const;
  bool is_held(const SegmentFile& segment) const;
  std::string path_of(std::uint64_t first) const;

  std::string directory_;
  StoreLimits limits_;
  Fd lock_;
  NoteSigner signer_;
  Fd current_;
  std::vector<Fd> unsynced_;  // segments that are full, and not yet under a checkpoint
  std::vector<SegmentFile> segments_;
  merkle::Frontier tree_;
  std::uint64_t signed_ = 0;
  Found found_;
  std::map<std::uint64_t, std::uint64_t> last_numbers_;
  std::vector<std::string> holds_;
};

}  // namespace cordon::ledger
