#include "supervisor/evidence/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/segment.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> segment_files(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename().string();
    if (parse_segment_name(name)) names.push_back(name);
  }
  if (error)
    throw KernelError("read", directory, error.value(), "is this the ledger's directory, and may you read it?");
  std::sort(names.begin(), names.end());
  return names;
}

void read_key(EvidenceLog& log, const std::string& directory, const std::optional<NoteVerifier>& outside) {
  const auto text = read_file_if_there(AT_FDCWD, directory + "/key.pub");
  const auto own = text ? NoteVerifier::parse(*text) : std::nullopt;
  if (!own) log.faults.push_back({"key.pub", {}, {}, "it is not there, or no key"});
  if (own && *text != own->text() + "\n") log.faults.push_back({"key.pub", {}, {}, "it is not as it was written"});
  if (own && outside && own->text() != outside->text())
    log.faults.push_back({"key.pub", {}, {}, "it is another key than the one given"});
  log.key = outside ? outside : own;
}

void read_checkpoint(EvidenceLog& log, const std::string& directory) {
  const auto note = read_file_if_there(AT_FDCWD, directory + "/checkpoint");
  if (!note) return log.faults.push_back({"checkpoint", {}, {}, "it is not there"});
  log.checkpoint_note = *note;
  if (!log.key) return;
  auto opened = open_checkpoint(*note, *log.key);
  if (!opened) return log.faults.push_back({"checkpoint", {}, {}, opened.error()});
  log.checkpoint = *opened;
}

// The index that an entry says it has: written by the ledger, so that a reader of one line knows its place.
bool says_its_index(const std::string& text, std::uint64_t index) {
  return text.find(fmt::format("\"index\":{},\"", index)) != std::string::npos;
}

struct Head {
  std::string file;
  merkle::Frontier before;
};

// false: what comes later has no place in the tree.
bool read_one(EvidenceLog& log, const std::string& directory, const std::string& name, std::vector<Head>& heads) {
  const auto bytes = read_file(directory + "/" + name);
  const auto segment = read_segment(bytes);
  const auto fault = [&](std::optional<std::uint64_t> offset, std::uint64_t index, std::string what) {
    log.faults.push_back({name, offset, index, std::move(what)});
    return false;
  };
  const auto expected = log.size();
  if (!segment) return fault(0, expected, segment.error().what);
  if (segment->before.size() != *parse_segment_name(name)) return fault(0, expected, "its head is of another file");
  if (log.entries.empty()) log.gone = segment->before;
  const bool first = log.entries.empty();
  if (!first && segment->before.size() != expected) return fault(0, expected, "entries before it are missing");
  for (const auto& entry : segment->entries) {
    log.entries.push_back({std::string(entry.text), entry.leaf, name, entry.offset});
    if (!says_its_index(log.entries.back().text, log.size() - 1))
      return fault(entry.offset, log.size() - 1, "the entry says that its place is another");
  }
  if (segment->fault) return fault(segment->fault->offset, segment->fault->index, segment->fault->what);
  heads.push_back({name, segment->before});
  return true;
}

// The frontier in a head must be that of the entries before it.
void check_heads(EvidenceLog& log, const std::vector<Head>& heads) {
  auto tree = log.gone;
  std::size_t next = 0;
  for (const auto& [file, before] : heads) {
    while (next < log.entries.size() && log.entries[next].file < file) tree.append(log.entries[next++].leaf);
    if (before.size() == tree.size() && before.subtrees() == tree.subtrees()) continue;
    return log.faults.push_back({file, 0, tree.size(), "what its head says of the entries before it is not so"});
  }
}

// What the signature vouches for.
void check_root(EvidenceLog& log) {
  if (!log.checkpoint) return;
  const auto& signed_for = *log.checkpoint;
  if (signed_for.size > log.size())
    return log.faults.push_back(
        {"checkpoint",
         {},
         log.size(),
         fmt::format("it vouches for {} entries, and {} are there: the log was cut off", signed_for.size, log.size())});
  if (signed_for.size < log.gone.size())
    return log.faults.push_back({"checkpoint", {}, {}, "it is older than the oldest entry that is kept"});
  if (log.tree().root(signed_for.size) == signed_for.root) return;
  log.faults.push_back(
      {"checkpoint",
       {},
       log.gone.size(),
       "the entries are not those that it vouches for: some were replaced together with their digests, "
       "or the head of the oldest file was"});
}

}  // namespace

std::string to_string(const EvidenceFault& fault) {
  std::string where = fault.file;
  if (fault.entry) where += fmt::format(", entry {}", *fault.entry);
  if (fault.offset) where += fmt::format(", byte {}", *fault.offset);
  return where + ": " + fault.what;
}

merkle::Tree EvidenceLog::tree() const {
  std::vector<Sha256> leaves;
  leaves.reserve(entries.size());
  for (const auto& entry : entries) leaves.push_back(entry.leaf);
  return {gone, std::move(leaves)};
}

const EvidenceEntry* EvidenceLog::entry(std::uint64_t index) const {
  if (index < gone.size() || index >= size()) return nullptr;
  return &entries[index - gone.size()];
}

EvidenceLog read_evidence(const std::string& directory, const std::optional<NoteVerifier>& key) {
  EvidenceLog log;
  read_key(log, directory, key);
  read_checkpoint(log, directory);  // before the files are listed: what it vouches for is in them by then
  const auto names = segment_files(directory);
  std::vector<Head> heads;
  bool whole = true;
  for (const auto& name : names) {
    whole = read_one(log, directory, name, heads);
    if (!whole) break;
  }
  if (names.empty()) log.faults.push_back({directory, {}, {}, "there are no entries"});
  if (whole) check_heads(log, heads);
  check_root(log);
  return log;
}

}  // namespace cordon
