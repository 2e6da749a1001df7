// Takes the collector's stream, stores the files and compares what else was left. Trusts nothing in it: paths, counts,
// sizes and digests of files are checked.
#pragma once

#include <sodium.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "profiles/profile.hpp"
#include "supervisor/jobs/job.hpp"

namespace cordon {

// The artifact that is being received.
struct OpenArtifact {
  std::string path;
  std::unique_ptr<ArtifactStore::Draft> draft;
  std::uint64_t size = 0;
  crypto_hash_sha256_state hash{};
  std::string wrong;  // why it will be skipped; the rest of it is read and dropped
};

class ArtifactWriter {
 public:
  // `wanted`: something was to be collected, so that silence means a loss.
  ArtifactWriter(ArtifactStore& store, CollectBounds bounds, bool wanted,
                 std::optional<ScratchSurvey> survey = std::nullopt)
      : store_(store), bounds_(bounds), wanted_(wanted), survey_(std::move(survey)) {}

  void feed(std::string_view bytes);
  // The stream is over. Whatever is missing is said in `skipped`.
  Collection finish();

 private:
  void take(const artifacts::FileBegin& begin);
  void take(const artifacts::FileData& data);
  void take(const artifacts::FileEnd& end);
  void take(const artifacts::Skipped& skipped);
  void take(const artifacts::End& end);
  void take(const artifacts::Left& left);
  void take(const artifacts::SurveyEnd& end);
  void skip(std::string path, std::string reason);

  ArtifactStore& store_;
  CollectBounds bounds_;
  artifacts::Decoder decoder_;
  Collection collection_;
  std::set<std::string> paths_;
  std::optional<OpenArtifact> open_;
  std::uint64_t bytes_ = 0;
  bool wanted_, heard_ = false, ended_ = false, bad_ = false;
  std::optional<ScratchSurvey> survey_;
};

}  // namespace cordon
