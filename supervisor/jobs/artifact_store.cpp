#include "supervisor/jobs/artifact_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "sandbox/kernel/check.hpp"

namespace cordon {

StoredFile::~StoredFile() {
  ::unlink(path_.c_str());
}

Fd StoredFile::open() const {
  return Fd(check(::open(path_.c_str(), O_RDONLY | O_CLOEXEC), "open artifact", path_));
}

ArtifactStore::ArtifactStore(std::string dir) : dir_(std::move(dir)) {
  std::filesystem::remove_all(dir_);
  std::filesystem::create_directories(dir_);
}

ArtifactStore::Draft::~Draft() {
  if (!path.empty()) ::unlink(path.c_str());
}

std::unique_ptr<ArtifactStore::Draft> ArtifactStore::create() {
  auto draft = std::make_unique<Draft>();
  const auto path = dir_ + "/draft-" + std::to_string(drafts_++);
  draft->fd = Fd(check(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), "create artifact", path));
  draft->path = path;
  return draft;
}

std::shared_ptr<const StoredFile> ArtifactStore::adopt(std::unique_ptr<Draft> draft, std::uint64_t size,
                                                       const Sha256& digest) {
  if (const auto at = index_->find(digest); at != index_->end()) return at->second.lock();
  const auto name = hex(digest);
  const auto folder = dir_ + "/" + name.substr(0, 2);
  const auto path = folder + "/" + name;
  std::filesystem::create_directories(folder);
  check(std::rename(draft->path.c_str(), path.c_str()), "name artifact", path);
  draft->path.clear();
  const auto forget = [index = index_, digest](const StoredFile* file) {
    index->erase(digest);
    delete file;
  };
  std::shared_ptr<const StoredFile> stored(new StoredFile(path, size), forget);
  index_->emplace(digest, stored);
  return stored;
}

}  // namespace cordon
