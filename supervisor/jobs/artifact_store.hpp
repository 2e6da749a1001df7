// The files that jobs left behind, by content. A file lives as long as somebody holds it, and beyond that when it is
// kept: when the journal has a job that left it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

// One file on disk; unless it is kept, gone when the last holder lets go.
class StoredFile {
 public:
  StoredFile(std::string path, std::uint64_t size, bool kept) : path_(std::move(path)), size_(size), kept_(kept) {}
  ~StoredFile();
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  std::uint64_t size() const { return size_; }
  Sha256 sha256() const;  // of its bytes: what it is called on disk
  Fd open() const;

 private:
  friend class ArtifactStore;
  std::string path_;
  std::uint64_t size_;
  bool kept_;
};

class ArtifactStore {
 public:
  // What a former process was still writing is removed.
  explicit ArtifactStore(std::string dir);

  // A file that is being written; gone unless adopted.
  struct Draft {
    ~Draft();
    std::string path;
    Fd fd;
  };
  std::unique_ptr<Draft> create();
  // The draft's bytes have this size and digest. Equal contents are one file.
  std::shared_ptr<const StoredFile> adopt(std::unique_ptr<Draft> draft, std::uint64_t size, const Sha256& digest);
  // One that is kept. That it is gone from the disk is found out when it is opened.
  std::shared_ptr<const StoredFile> open(const Sha256& digest, std::uint64_t size);

  void keep(const Sha256& digest);  // somebody holds it
  void drop(const Sha256& digest);  // kept no longer

  // For the look through the disk after a start: what is there, and what of it is in use since.
  std::vector<Sha256> begin_sweep();
  void sweep(const Sha256& orphan);
  void end_sweep() { touched_.reset(); }

 private:
  using Index = std::map<Sha256, std::weak_ptr<StoredFile>>;
  std::string path_of(const Sha256& digest) const;
  std::shared_ptr<StoredFile> hold(const Sha256& digest, std::uint64_t size, bool kept);

  std::string dir_;
  std::uint64_t drafts_ = 0;
  std::shared_ptr<Index> index_ = std::make_shared<Index>();  // of those that are held
  std::optional<std::set<Sha256>> touched_;                   // during a sweep
};

}  // namespace cordon
