#include "supervisor/evidence/refusal_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "profiles/codec.hpp"
#include "profiles/sha256.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/ledger_message.hpp"

namespace cordon {
namespace {

constexpr std::size_t place_bytes = 1024;  // none reaches over two pages: a kill leaves it old or new

// The message that says it to the ledger, behind its digest and its length.
std::string text_of(const EvidenceRecord& record) {
  const auto message = encode(ToLedger(Append{1, record}));
  const auto digest = sha256(message);
  wire::Writer out;
  out.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
  out.string(message);
  return out.take();
}

std::optional<EvidenceRecord> record_of(std::string_view place) {
  wire::Reader in(place);
  const auto digest = in.raw(Sha256{}.size());
  const auto message = in.string(place_bytes);
  if (!in.good()) return std::nullopt;
  const auto right = sha256(message);
  if (digest != std::string_view(reinterpret_cast<const char*>(right.data()), right.size())) return std::nullopt;
  auto decoded = decode_to_ledger(message);
  auto* append = decoded ? std::get_if<Append>(&*decoded) : nullptr;
  return append == nullptr ? std::nullopt : std::optional(std::move(append->record));
}

off_t offset_of(std::size_t place) {
  return static_cast<off_t>(place * place_bytes);
}

}  // namespace

RefusalFile::RefusalFile(std::string path)
    : path_(std::move(path)),
      file_(check(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), "open", path_)) {}

std::vector<EvidenceRecord> RefusalFile::read() const {
  std::vector<EvidenceRecord> out;
  const auto bytes = read_again(file_, path_);
  for (std::size_t at = 0; at < bytes.size(); at += place_bytes) {
    if (auto record = record_of(std::string_view(bytes).substr(at, place_bytes))) out.push_back(std::move(*record));
  }
  return out;
}

void RefusalFile::put(std::size_t place, EvidenceRecord record) {
  auto text = text_of(record);
  for (const char* name : {"reason", "profile", "tool", "tenant", "actor"}) {
    if (text.size() <= place_bytes) break;
    record.fields.erase(name);
    text = text_of(record);
  }
  text.resize(std::min(text.size(), place_bytes));
  [[maybe_unused]] const auto written = ::pwrite(file_.get(), text.data(), text.size(), offset_of(place));
}

void RefusalFile::clear(std::size_t place) {
  const std::array<char, 36> nothing{};
  [[maybe_unused]] const auto written = ::pwrite(file_.get(), nothing.data(), nothing.size(), offset_of(place));
}

void RefusalFile::clear() {
  check(::ftruncate(file_.get(), 0), "cut", path_);
}

}  // namespace cordon
