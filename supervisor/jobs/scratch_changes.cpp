#include "supervisor/jobs/scratch_changes.hpp"

namespace cordon {
namespace {

using artifacts::LeftKind;

constexpr std::size_t max_entries = 256;  // as in a record of the ledger

std::string as_seen_inside(const std::string& path) {
  constexpr std::string_view layer = "upper-";
  if (path.starts_with("upper-/")) return path.substr(layer.size());
  if (path.starts_with(layer)) return "/" + path.substr(layer.size());
  return path.starts_with("shm/") ? "/dev/" + path : "/" + path;
}

bool is_as_given(const artifacts::Left& left, const std::optional<Sha256>& given) {
  return given ? left.kind == LeftKind::file && left.sha256 == given : left.kind == LeftKind::directory;
}

}  // namespace

void ScratchList::add(ScratchEntry entry) {
  ++count;
  if (entries.size() < max_entries) entries.push_back(std::move(entry));
}

GivenScratch given_scratch(const std::vector<OrderedFile>& files) {
  GivenScratch given;
  for (const auto& file : files) {
    const auto path = "work/" + file.path;
    for (auto slash = path.find('/', sizeof "work/" - 1); slash != path.npos; slash = path.find('/', slash + 1))
      given.emplace(path.substr(0, slash), std::nullopt);
    given[path] = file.artifact ? file.artifact->sha256() : sha256(file.content);
  }
  return given;
}

void ScratchSurvey::take(const artifacts::Left& left) {
  const auto given = given_.find(left.path);
  ScratchEntry entry{as_seen_inside(left.path), left.kind, left.size, left.sha256};
  if (given == given_.end()) return changes_.added.add(std::move(entry));
  if (!is_as_given(left, given->second)) changes_.changed.add(std::move(entry));
  given_.erase(given);
}

ScratchChanges ScratchSurvey::finish() {
  for (const auto& [path, digest] : given_) {
    const auto kind = digest ? LeftKind::file : LeftKind::directory;
    changes_.removed.add({as_seen_inside(path), kind, 0, digest});
  }
  return std::move(changes_);
}

}  // namespace cordon
