#include "supervisor/jobs/artifact_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "sandbox/kernel/check.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;

}  // namespace

StoredFile::~StoredFile() {
  if (!kept_) ::unlink(path_.c_str());
}

Fd StoredFile::open() const {
  return Fd(check(::open(path_.c_str(), O_RDONLY | O_CLOEXEC), "open artifact", path_));
}

ArtifactStore::ArtifactStore(std::string dir) : dir_(std::move(dir)) {
  fs::create_directories(dir_);
  for (const auto& entry : fs::directory_iterator(dir_)) {
    if (entry.is_regular_file()) fs::remove(entry.path());  // a draft
  }
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

Sha256 StoredFile::sha256() const {
  return parse_hex(path_.substr(path_.rfind('/') + 1)).value_or(Sha256{});
}

std::string ArtifactStore::path_of(const Sha256& digest) const {
  const auto name = hex(digest);
  return dir_ + "/" + name.substr(0, 2) + "/" + name;
}

std::shared_ptr<const StoredFile> ArtifactStore::adopt(std::unique_ptr<Draft> draft, std::uint64_t size,
                                                       const Sha256& digest) {
  if (touched_) touched_->insert(digest);
  if (const auto at = index_->find(digest); at != index_->end()) return at->second.lock();
  const auto path = path_of(digest);
  fs::create_directories(fs::path(path).parent_path());
  const bool kept = fs::exists(path);  // of an earlier job that nobody reads now
  check(std::rename(draft->path.c_str(), path.c_str()), "name artifact", path);
  draft->path.clear();
  return hold(digest, size, kept);
}

std::shared_ptr<const StoredFile> ArtifactStore::open(const Sha256& digest, std::uint64_t size) {
  if (const auto at = index_->find(digest); at != index_->end()) return at->second.lock();
  return hold(digest, size, true);
}

std::shared_ptr<StoredFile> ArtifactStore::hold(const Sha256& digest, std::uint64_t size, bool kept) {
  const auto forget = [index = index_, digest](const StoredFile* file) {
    index->erase(digest);
    delete file;
  };
  std::shared_ptr<StoredFile> stored(new StoredFile(path_of(digest), size, kept), forget);
  index_->emplace(digest, stored);
  return stored;
}

void ArtifactStore::keep(const Sha256& digest) {
  if (const auto at = index_->find(digest); at != index_->end()) at->second.lock()->kept_ = true;
}

void ArtifactStore::drop(const Sha256& digest) {
  if (const auto at = index_->find(digest); at != index_->end()) {
    at->second.lock()->kept_ = false;
  } else {
    ::unlink(path_of(digest).c_str());
  }
}

std::vector<Sha256> ArtifactStore::begin_sweep() {
  touched_.emplace();
  std::vector<Sha256> found;
  for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
    if (const auto digest = entry.is_regular_file() ? parse_hex(entry.path().filename().string()) : std::nullopt)
      found.push_back(*digest);
  }
  return found;
}

void ArtifactStore::sweep(const Sha256& orphan) {
  if (index_->contains(orphan) || (touched_ && touched_->contains(orphan))) return;
  ::unlink(path_of(orphan).c_str());
}

}  // namespace cordon
