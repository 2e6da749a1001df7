#include "supervisor/jobs/artifact_writer.hpp"

#include <unistd.h>

#include "sandbox/kernel/check.hpp"

namespace cordon {
namespace {

void write_all(const Fd& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = check(::write(file.get(), bytes.data(), bytes.size()), "write artifact");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

constexpr std::size_t max_skipped = 1024;

}  // namespace

void ArtifactWriter::feed(std::string_view bytes) {
  heard_ = true;
  if (bad_) return;
  decoder_.feed(bytes);
  while (const auto frame = decoder_.next()) {
    if (ended_) break;
    std::visit([this](const auto& f) { take(f); }, *frame);
  }
  bad_ = bad_ || decoder_.bad();
}

void ArtifactWriter::take(const artifacts::FileBegin& begin) {
  if (open_) {
    bad_ = true;
    return;
  }
  open_.emplace();
  open_->path = begin.path;
  crypto_hash_sha256_init(&open_->hash);
  if (!paths_.insert(begin.path).second) {  // the decoder has seen to it that it stays inside
    open_->wrong = "collected twice";
  } else if (collection_.artifacts.size() >= bounds_.files) {
    open_->wrong = "more files than the profile lets a job leave";
  } else {
    try {
      open_->draft = store_.create();
    } catch (const KernelError& e) {
      open_->wrong = e.what();
    }
  }
}

void ArtifactWriter::take(const artifacts::FileData& data) {
  if (!open_) {
    bad_ = true;
    return;
  }
  if (!open_->wrong.empty()) return;
  bytes_ += data.bytes.size();
  open_->size += data.bytes.size();
  if (bytes_ > bounds_.bytes) {
    open_->wrong = "more bytes than the profile lets a job leave";
    return;
  }
  try {
    write_all(open_->draft->fd, data.bytes);
    crypto_hash_sha256_update(&open_->hash, octets(data.bytes), data.bytes.size());
  } catch (const KernelError& e) {
    open_->wrong = e.what();
  }
}

// The digest is computed again: files are shared by content, and the collector ran with the job's uid.
void ArtifactWriter::take(const artifacts::FileEnd& end) {
  if (!open_) {
    bad_ = true;
    return;
  }
  auto file = std::move(*open_);
  open_.reset();
  Sha256 digest{};
  crypto_hash_sha256_final(&file.hash, digest.data());
  if (file.wrong.empty() && (file.size != end.size || digest != end.sha256))
    file.wrong = "its bytes changed on the way";
  if (!file.wrong.empty()) return skip(std::move(file.path), std::move(file.wrong));
  try {
    auto stored = store_.adopt(std::move(file.draft), file.size, digest);
    collection_.artifacts.push_back({std::move(file.path), file.size, digest, std::move(stored)});
  } catch (const std::exception& e) {
    skip(std::move(file.path), e.what());
  }
}

void ArtifactWriter::take(const artifacts::Skipped& skipped) {
  skip(skipped.path, skipped.reason);
}

void ArtifactWriter::take(const artifacts::End& end) {
  ended_ = true;
  if (open_) bad_ = true;
  if (!end.note.empty()) skip("", end.note);
}

void ArtifactWriter::take(const artifacts::Left& left) {
  if (!survey_ || open_)
    bad_ = true;
  else
    survey_->take(left);
}

void ArtifactWriter::take(const artifacts::SurveyEnd& end) {
  if (!survey_ || open_)
    bad_ = true;
  else
    survey_->end(end.complete);
}

void ArtifactWriter::skip(std::string path, std::string reason) {
  if (collection_.skipped.size() < max_skipped) collection_.skipped.push_back({std::move(path), std::move(reason)});
}

Collection ArtifactWriter::finish() {
  if (open_) skip(open_->path, "the collection broke off in it");
  open_.reset();
  if (bad_) skip("", "the collector's stream was not valid");
  if (!ended_ && !bad_ && (wanted_ || heard_)) skip("", "the collection broke off");
  if (survey_ && bad_) survey_->end(false);
  if (survey_) collection_.scratch = survey_->finish();
  return std::move(collection_);
}

}  // namespace cordon
