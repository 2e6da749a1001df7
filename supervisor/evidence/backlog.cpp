#include "supervisor/evidence/backlog.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "profiles/codec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/ledger_message.hpp"

namespace cordon {
namespace {

// Each as it is said to the ledger, with its length before it.
std::string frame(const EvidenceRecord& record) {
  wire::Writer out;
  out.string(encode(ToLedger(Append{1, record})));
  return out.take();
}

}  // namespace

EvidenceBacklog::EvidenceBacklog(std::string path)
    : path_(std::move(path)),
      file_(check(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600), "open", path_)) {
  struct stat status {};
  check(::fstat(file_.get(), &status), "stat", path_);
  size_ = static_cast<std::uint64_t>(status.st_size);
}

std::vector<EvidenceRecord> EvidenceBacklog::read() {
  std::vector<EvidenceRecord> out;
  const auto bytes = read_again(file_, path_);
  wire::Reader in(bytes);
  std::uint64_t good = 0;
  while (in.left() > 0) {
    const auto message = decode_to_ledger(in.string(max_ledger_message));
    const auto* append = in.good() && message ? std::get_if<Append>(&*message) : nullptr;
    if (append == nullptr) break;
    out.push_back(append->record);
    good = bytes.size() - in.left();
  }
  if (good < bytes.size()) cut(good);
  size_ = good;
  return out;
}

bool EvidenceBacklog::add(const EvidenceRecord& record) {
  const auto bytes = frame(record);
  if (size_ + bytes.size() > most_bytes) return false;
  const auto written = ::write(file_.get(), bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) {
    size_ += bytes.size();
    return true;
  }
  if (written > 0) cut(size_);
  return false;
}

// What stays in it all the same is told twice, and says so.
void EvidenceBacklog::clear() {
  if (size_ > 0 && ::ftruncate(file_.get(), 0) == 0) size_ = 0;
}

void EvidenceBacklog::cut(std::uint64_t size) {
  check(::ftruncate(file_.get(), static_cast<off_t>(size)), "cut", path_);
}

}  // namespace cordon
