#include "supervisor/ledger/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/segment.hpp"
#include "supervisor/ledger/files.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon::ledger {
namespace {

namespace fs = std::filesystem;
using SystemClock = std::chrono::system_clock;
constexpr auto look_closer = "cordon evidence verify --dir says where; to begin anew move the directory away";

Fd lock_directory(const std::string& directory) {
  const auto path = directory + "/lock";
  Fd lock(check(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), "open", path));
  check(::flock(lock.get(), LOCK_EX | LOCK_NB), "lock (is another cordon-ledger running?)", path);
  return lock;
}

NoteSigner load_or_make_key(const std::string& directory, const std::string& origin) {
  const auto path = directory + "/key";
  if (const auto text = read_file_if_there(AT_FDCWD, path)) {
    auto signer = NoteSigner::parse(*text);
    if (!signer) throw KernelError("read the key", path, EUCLEAN, "restore it, or move the directory away");
    return *signer;
  }
  auto signer = NoteSigner::fresh(origin);
  replace_file(path, signer.text() + "\n", 0600);
  return signer;
}

std::vector<std::uint64_t> list_segments(const std::string& directory) {
  std::vector<std::uint64_t> firsts;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (const auto first = parse_segment_name(entry.path().filename().string())) firsts.push_back(*first);
  }
  std::sort(firsts.begin(), firsts.end());
  return firsts;
}

KernelError damaged(const std::string& path, const std::string& what) {
  return {"open the evidence", path + ": " + what, EUCLEAN, look_closer};
}

std::uint64_t parse_hex_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::string text_of(const EvidenceRecord& record, const char* name) {
  const auto found = record.fields.find(name);
  const auto* value = found == record.fields.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? "" : *value;
}

bool matches(std::string_view entry, std::string_view scope) {
  const auto slash = scope.find('/');
  if (slash == std::string_view::npos) return true;  // all
  return raw_member(entry, scope.substr(0, slash)) == scope.substr(slash + 1);
}

}  // namespace

Store::Store(std::string directory, const std::string& origin, StoreLimits limits)
    : directory_(std::move(directory)),
      limits_(limits),
      lock_(lock_directory(directory_)),
      signer_(load_or_make_key(directory_, origin)) {
  replace_file(directory_ + "/key.pub", signer_.verifier().text() + "\n", 0640);
  for (const auto& scope : read_lines(directory_ + "/holds")) holds_.push_back(scope);
  open_last();
}

std::string Store::path_of(std::uint64_t first) const {
  return directory_ + "/" + segment_name(first);
}

void Store::open_last() {
  const auto path = directory_ + "/checkpoint";
  const auto note = read_file_if_there(AT_FDCWD, path);
  for (const auto first : list_segments(directory_)) {
    struct stat file {};
    check(::stat(path_of(first).c_str(), &file), "stat", path_of(first));
    segments_.push_back({first, static_cast<std::uint64_t>(file.st_size), SystemClock::from_time_t(file.st_mtime)});
  }
  if (!note && segments_.empty()) {
    const Checkpoint none{signer_.verifier().name, 0, tree_.root()};
    replace_file(path, signer_.signed_note(checkpoint_text(none)), 0640);
    return begin_segment();
  }
  if (!note) throw damaged(path, "there are entries, and no checkpoint");
  const auto checkpoint = open_checkpoint(*note, signer_.verifier());
  if (!checkpoint) throw damaged(path, checkpoint.error());
  if (segments_.empty() && checkpoint->size > 0) throw damaged(directory_, "there is a checkpoint, and no entries");
  if (segments_.empty()) return begin_segment();
  read_back(*checkpoint);
}

// From the segment that the checkpoint ends in, or the last but one: what a cordond said last is in one of them.
void Store::read_back(const Checkpoint& signed_before) {
  auto at = segments_.size() - std::min<std::size_t>(segments_.size(), 2);
  while (at > 0 && segments_[at].first > signed_before.size) --at;
  bool vouched = false, begun = false;
  for (; at < segments_.size(); ++at) {
    const auto path = path_of(segments_[at].first);
    const auto bytes = read_file(path);
    auto segment = read_segment(bytes);
    const bool last = at + 1 == segments_.size();
    if (!segment && last && segments_[at].first >= signed_before.size && begun) {  // its head was being written
      check(::unlink(path.c_str()), "remove", path);
      segments_.pop_back();
      break;
    }
    if (!segment) throw damaged(path, segment.error().what);
    if (!begun) tree_ = segment->before;
    if (segment->before.size() != tree_.size() || segment->before.root() != tree_.root())
      throw damaged(path, "it does not go on where the one before it ends");
    begun = true;
    for (const auto& entry : segment->entries) {
      if (tree_.size() == signed_before.size) vouched = tree_.root() == signed_before.root;
      tree_.append(entry.leaf);
      const auto client = raw_member(entry.text, "client");
      if (!client.empty()) last_numbers_[parse_hex_number(client)] = parse_hex_number(raw_member(entry.text, "number"));
    }
    if (segment->fault) {
      if (!last || segment->fault->index < signed_before.size) throw damaged(path, segment->fault->what);
      found_.torn_bytes = bytes.size() - segment->fault->offset;
      replace_file(directory_ + "/torn-" + std::to_string(segment->fault->index),
                   std::string_view(bytes).substr(segment->fault->offset), 0640);
      check(::truncate(path.c_str(), static_cast<off_t>(segment->fault->offset)), "cut", path);
      segments_[at].bytes = segment->fault->offset;
    }
  }
  if (tree_.size() == signed_before.size) vouched = tree_.root() == signed_before.root;
  if (!vouched) throw damaged(directory_, "the entries are not those that the checkpoint vouches for");
  signed_ = signed_before.size;
  found_.size = tree_.size();
  found_.unsigned_tail = tree_.size() - signed_;
  const auto path = path_of(segments_.back().first);
  current_ = Fd(check(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW), "open", path));
}

void Store::begin_segment() {
  const auto path = path_of(tree_.size());
  const auto head = segment_head(tree_);
  Fd fresh(check(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640), "create",
                 path));
  const auto written = ::write(fresh.get(), head.data(), head.size());
  if (written != static_cast<ssize_t>(head.size())) {
    const int error = written < 0 ? errno : ENOSPC;
    ::unlink(path.c_str());
    throw no_room("write", path, error);
  }
  if (current_) unsynced_.push_back(std::move(current_));
  current_ = std::move(fresh);
  segments_.push_back({tree_.size(), head.size(), SystemClock::now()});
}

std::uint64_t Store::append(const std::vector<EvidenceRecord>& records) {
  std::uint64_t total = 0;
  for (const auto& segment : segments_) total += segment.bytes;
  if (total > 2 * limits_.retain_bytes)
    throw KernelError("append to", directory_, EDQUOT,
                      "twice --retain-bytes is reached, and nothing may be deleted yet: raise it, or release holds");
  if (segments_.back().bytes >= limits_.segment_bytes) begin_segment();
  for (const auto& record : records) {
    if (record.kind == EvidenceKind::hold) hold(text_of(record, "scope"));
  }
  auto tree = tree_;
  std::string text;
  const auto now = rfc3339(SystemClock::now());
  for (const auto& record : records) {
    const auto line = evidence_line(record, {tree.size(), now});
    const auto leaf = merkle::leaf_hash(line);
    text += frame(line, leaf);
    tree.append(leaf);
  }
  auto& segment = segments_.back();
  const auto written = ::write(current_.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const int error = written < 0 ? errno : ENOSPC;
    // Only a start can mend that: it cuts what was not finished.
    if (::ftruncate(current_.get(), static_cast<off_t>(segment.bytes)) < 0)
      throw std::runtime_error("a part of an entry cannot be taken back");
    throw no_room("append to", path_of(segment.first), error);
  }
  tree_ = std::move(tree);
  segment.bytes += text.size();
  segment.newest = SystemClock::now();
  for (const auto& record : records) heed(record);
  return tree_.size();
}

std::uint64_t Store::last_number(std::uint64_t client) const {
  const auto found = last_numbers_.find(client);
  return found == last_numbers_.end() ? 0 : found->second;
}

// What is written has these effects. A hold is in force before, so that none is promised that is not kept.
void Store::heed(const EvidenceRecord& record) {
  if (const auto client = text_of(record, "client"); !client.empty())
    last_numbers_[parse_hex_number(client)] = parse_hex_number(text_of(record, "number"));
  if (record.kind != EvidenceKind::release_hold) return;
  if (std::erase(holds_, text_of(record, "scope")) == 0) return;
  try {
    save_holds();
  } catch (const KernelError& e) {
    throw std::runtime_error(e.what());  // a start finds it held still
  }
}

void Store::hold(const std::string& scope) {
  if (std::find(holds_.begin(), holds_.end(), scope) != holds_.end()) return;
  holds_.push_back(scope);
  try {
    save_holds();
  } catch (...) {
    holds_.pop_back();
    throw;
  }
}

void Store::save_holds() const {
  std::string text;
  for (const auto& scope : holds_) text += scope + "\n";
  replace_file(directory_ + "/holds", text, 0640);
}

Store::Unsigned Store::take_unsigned() {
  Unsigned out{{signer_.verifier().name, tree_.size(), tree_.root()}, std::move(unsynced_)};
  unsynced_.clear();
  out.segments.emplace_back(check(::fcntl(current_.get(), F_DUPFD_CLOEXEC, 3), "duplicate a descriptor"));
  return out;
}

bool Store::is_held(const SegmentFile& segment) const {
  if (holds_.empty()) return false;
  const auto bytes = read_file(path_of(segment.first));
  const auto read = read_segment(bytes);
  if (!read || read->fault) return true;  // whatever it is, it is not to be lost
  return std::any_of(read->entries.begin(), read->entries.end(), [&](const Entry& entry) {
    return std::any_of(holds_.begin(), holds_.end(), [&](const auto& scope) { return matches(entry.text, scope); });
  });
}

std::string Store::retain() {
  std::uint64_t total = 0;
  for (const auto& segment : segments_) total += segment.bytes;
  while (total > limits_.retain_bytes && segments_.size() > 1) {
    const auto oldest = segments_.front();
    const auto next = segments_[1].first;
    if (next > signed_ || SystemClock::now() - oldest.newest < limits_.keep_at_least) break;
    if (is_held(oldest)) return segment_name(oldest.first);
    EvidenceRecord record{EvidenceKind::retention, {}};
    record.put("first", oldest.first).put("next", next).put("bytes", oldest.bytes);
    append({record});
    check(::unlink(path_of(oldest.first).c_str()), "delete", path_of(oldest.first));
    segments_.erase(segments_.begin());
    total -= oldest.bytes;
  }
  return {};
}

std::string Store::entry(std::uint64_t index) const {
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), index,
                                  [](std::uint64_t wanted, const SegmentFile& file) { return wanted < file.first; });
  if (segment == segments_.begin() || index >= tree_.size())
    throw KernelError("find the entry", std::to_string(index), ENOENT, "it is gone, or never was");
  const auto path = path_of((--segment)->first);
  const auto bytes = read_file(path);
  const auto read = read_segment(bytes);
  if (!read || index - segment->first >= read->entries.size()) throw damaged(path, "an entry cannot be read");
  return std::string(read->entries[index - segment->first].text);
}

}  // namespace cordon::ledger
