#include "cli/evidence_files.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include "sandbox/kernel/check.hpp"
#include "sandbox/stop_all.hpp"

namespace cordon::cli {
namespace {

// Of the events that are there, whether one is of the checkpoint: the ledger puts a new one in the place of the old.
bool names_checkpoint(std::string_view events) {
  bool found = false;
  while (events.size() >= sizeof(inotify_event)) {
    std::uint32_t length = 0;  // of the name behind it
    std::memcpy(&length, events.data() + offsetof(inotify_event, len), sizeof length);
    const auto name = events.substr(sizeof(inotify_event), length);
    found = found || name.substr(0, name.find('\0')) == "checkpoint";
    events.remove_prefix(std::min(sizeof(inotify_event) + length, events.size()));
  }
  return found;
}

}  // namespace

Signatures::Signatures(const std::string& directory)
    : watch_(check(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "make an inotify")) {
  check(::inotify_add_watch(watch_.get(), directory.c_str(), IN_MOVED_TO | IN_ONLYDIR), "watch", directory);
}

bool Signatures::wait(std::chrono::steady_clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{watch_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) return false;
    std::array<char, 4096> events{};
    const auto size = ::read(watch_.get(), events.data(), events.size());
    if (size > 0 && names_checkpoint({events.data(), static_cast<std::size_t>(size)})) return true;
  }
}

std::string evidence_directory(const Session& session, const std::string& told) {
  if (!told.empty()) return told;
  try {
    return read_launcher_file(session.runtime_dir).state_dir + "/ledger";
  } catch (const std::exception& e) {
    throw Failure(e.what(),
                  "--dir DIRECTORY: where the ledger has its files, /var/lib/cordon/ledger when it is installed");
  }
}

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw Failure("cannot read " + path);
  return text.str();
}

std::optional<NoteVerifier> read_verifier(const std::string& file) {
  if (file.empty()) return std::nullopt;
  auto key = NoteVerifier::parse(read_text_file(file));
  if (!key) throw Failure(file + " is no key of a ledger", "cordon evidence checkpoint --key prints it");
  return key;
}

}  // namespace cordon::cli
