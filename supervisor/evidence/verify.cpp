#include "supervisor/evidence/verify.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace cordon {
namespace {

// That the log is one that this checkpoint's was the beginning of.
std::optional<EvidenceFault> compare(const EvidenceLog& log, const std::string& note) {
  if (!log.key) return EvidenceFault{"key.pub", {}, {}, "without a key the checkpoint kept outside says nothing"};
  const auto outside = open_checkpoint(note, *log.key);
  if (!outside) return EvidenceFault{"checkpoint kept outside", {}, {}, outside.error()};
  if (outside->size > log.size())
    return EvidenceFault{
        "checkpoint",
        {},
        log.size(),
        fmt::format("a checkpoint kept outside has {} entries, and {} are there: the log was rolled back "
                    "or cut off",
                    outside->size, log.size())};
  if (outside->size < log.gone.size())
    return EvidenceFault{"checkpoint kept outside",
                         {},
                         {},
                         fmt::format("it is of {} entries, and retention has deleted up to {}: it cannot be compared",
                                     outside->size, log.gone.size())};
  if (log.tree().root(outside->size) == outside->root) return std::nullopt;
  return EvidenceFault{"checkpoint",
                       {},
                       {},
                       fmt::format("its first {} entries are not those of the checkpoint kept outside: the log was "
                                   "rewritten",
                                   outside->size)};
}

// What retention has deleted it has said before: only then is the beginning rightly missing.
std::optional<EvidenceFault> unexplained_beginning(const EvidenceLog& log) {
  if (log.gone.size() == 0 || log.entries.empty()) return std::nullopt;
  for (const auto& entry : log.entries) {
    const auto json = nlohmann::json::parse(entry.text, nullptr, false);
    if (json.is_object() && json.value("kind", "") == "retention" &&
        json.value("next", std::uint64_t{0}) == log.gone.size())
      return std::nullopt;
  }
  return EvidenceFault{log.entries.front().file, 0, log.gone.size(),
                       "the entries before it are missing, and the ledger has not said that it deletes them"};
}

}  // namespace

Verified verify_evidence(const VerifyWish& wish) {
  Verified out;
  out.log = read_evidence(wish.directory, wish.key);
  out.faults = out.log.faults;
  for (const auto& note : wish.checkpoints) {
    if (auto fault = compare(out.log, note)) out.faults.push_back(std::move(*fault));
  }
  if (auto fault = unexplained_beginning(out.log)) out.faults.push_back(std::move(*fault));
  out.jobs = cross_check(out.log, wish.grace);
  if (out.log.checkpoint) out.signed_entries = std::min(out.log.checkpoint->size, out.log.size());
  out.unsigned_entries = out.log.size() - out.signed_entries;
  return out;
}

}  // namespace cordon
