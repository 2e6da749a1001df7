// The files that jobs left behind, by content. A file lives as long as somebody holds it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "profiles/sha256.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

// One file on disk; gone when the last holder lets go.
class StoredFile {
 public:
  StoredFile(std::string path, std::uint64_t size) : path_(std::move(path)), size_(size) {}
  ~StoredFile();
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  std::uint64_t size() const { return size_; }
  Fd open() const;

 private:
  std::string path_;
  std::uint64_t size_;
};

class ArtifactStore {
 public:
  // Begins empty: what a former process left in `dir` belongs to no job any more.
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

 private:
  using Index = std::map<Sha256, std::weak_ptr<const StoredFile>>;

  std::string dir_;
  std::uint64_t drafts_ = 0;
  std::shared_ptr<Index> index_ = std::make_shared<Index>();
};

}  // namespace cordon
