// What a call has left in its scratch space, against what it was given: with digests, so that what it did can be
// compared with what it declares.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/artifact_stream.hpp"
#include "supervisor/jobs/job_order.hpp"

namespace cordon {

struct ScratchEntry {
  std::string path;  // as the call saw it, "/tmp/x"; octets
  artifacts::LeftKind kind = artifacts::LeftKind::file;
  std::uint64_t size = 0;
  std::optional<Sha256> sha256;  // of a file that was read
};

struct ScratchList {
  std::vector<ScratchEntry> entries;  // the first of them
  std::uint64_t count = 0;            // of all
  void add(ScratchEntry entry);
};

struct ScratchChanges {
  ScratchList added, changed, removed;
  bool complete = false;  // all that it left was looked at; if not, what is missing may be no more than unseen
};

// Path in the scratch space -> digest; none: it is a directory.
using GivenScratch = std::map<std::string, std::optional<Sha256>>;
GivenScratch given_scratch(const std::vector<OrderedFile>& files);

class ScratchSurvey {
 public:
  explicit ScratchSurvey(GivenScratch given) : given_(std::move(given)) {}

  void take(const artifacts::Left& left);  // each once
  void end(bool complete) { changes_.complete = complete; }
  ScratchChanges finish();

 private:
  GivenScratch given_;
  ScratchChanges changes_;
};

}  // namespace cordon
