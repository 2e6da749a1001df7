#include "sandbox/launcher/collector_walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium/crypto_hash_sha256.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/glob.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_entries = 65536;  // that globs ask for in one directory; and in all, times four
constexpr std::size_t max_skipped = 256;    // told; more are only counted

// RESOLVE_NO_XDEV and the rest: an entry is what it is here, or it is not opened (openat2(2)).
Fd open_beneath(int directory, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

class Walk {
 public:
  Walk(const CollectBounds& bounds, int out) : bounds_(bounds), out_(out) {}

  void directory(const Fd& fd, const std::string& prefix, const GlobState& globs, std::size_t depth) {
    for (const auto& name : names(fd, prefix, globs)) {
      const auto step = globs.enter(name);
      if (step.matched || step.below.wants_more()) entry(fd, prefix + name, name, step, depth);
    }
  }

  void finish() {
    const auto untold = skipped_ > max_skipped ? std::to_string(skipped_ - max_skipped) + " more were skipped" : "";
    send(artifacts::End{note_.empty() || untold.empty() ? note_ + untold : note_ + "; " + untold});
  }

 private:
  void entry(const Fd& at, const std::string& path, const std::string& name, const GlobState::Step& step,
             std::size_t depth) {
    if (path.size() > max_path) return skip(path.substr(0, 256) + "...", "its path is longer than 4,095 bytes");
    struct stat st {};
    if (::fstatat(at.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return skip(path, std::strerror(errno));
    if (S_ISDIR(st.st_mode)) {
      if (step.below.wants_more()) return descend(at, path, name, step.below, depth);
      return skip(path, "is a directory: to collect what is in it, add /**");
    }
    if (!step.matched) return;
    if (!S_ISREG(st.st_mode)) return skip(path, "not a regular file");
    const auto fd = open_beneath(at.get(), name, 0);
    if (!fd) return skip(path, std::strerror(errno));
    file(fd, path);
  }

  void descend(const Fd& at, const std::string& path, const std::string& name, const GlobState& globs,
               std::size_t depth) {
    if (depth == max_depth) return skip(path, "more than 64 directories deep");
    const auto fd = open_beneath(at.get(), name, O_DIRECTORY);
    if (!fd) return skip(path, std::strerror(errno));
    directory(fd, path + "/", globs, depth + 1);
  }

  void file(const Fd& fd, const std::string& path) {
    struct stat st {};
    check(::fstat(fd.get(), &st), "fstat");
    if (!S_ISREG(st.st_mode)) return skip(path, "not a regular file");
    if (files_ == bounds_.files) return skip(path, "more files than the profile's collect.files");
    if (static_cast<std::uint64_t>(st.st_size) > bounds_.bytes - bytes_)
      return skip(path, "more bytes than the profile's collect.bytes");
    ++files_;
    bytes_ += static_cast<std::uint64_t>(st.st_size);
    stream(fd, path, static_cast<std::uint64_t>(st.st_size));
  }

  // No more than `size` bytes: nothing can grow any more, but nothing relies on it.
  void stream(const Fd& fd, const std::string& path, std::uint64_t size) {
    send(artifacts::FileBegin{path});
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    std::uint64_t total = 0;
    while (total < size) {
      const auto want = std::min<std::uint64_t>(chunk_.size(), size - total);
      const auto n = check(::read(fd.get(), chunk_.data(), want), "read", path);
      if (n == 0) break;
      crypto_hash_sha256_update(&hash, reinterpret_cast<const unsigned char*>(chunk_.data()), static_cast<unsigned>(n));
      send(artifacts::FileData{{chunk_.data(), static_cast<std::size_t>(n)}});
      total += static_cast<std::uint64_t>(n);
    }
    artifacts::FileEnd end{total, {}};
    crypto_hash_sha256_final(&hash, end.sha256.data());
    send(end);
  }

  // Those that the globs ask for: what a job adds beside them costs time, but no memory and no artifact.
  std::vector<std::string> names(const Fd& directory, const std::string& prefix, const GlobState& globs) {
    std::vector<std::string> found;
    const int copy = check(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0), "duplicate a descriptor");
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
    if (!stream) check(-1, "read directory", prefix);
    for (;;) {
      errno = 0;  // an end and a failure are told apart by it alone (readdir(3))
      const auto* entry = ::readdir(stream.get());
      if (entry == nullptr && errno != 0) check(-1, "read directory", prefix);
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const bool maybe_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
      if (maybe_directory ? !globs.asks_for_directory(name) : !globs.asks_for_file(name)) continue;
      if (found.size() == max_entries || ++entries_ > 4 * max_entries) {
        note_ = "too many directory entries: not all were looked at";
        break;
      }
      found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void skip(const std::string& path, const std::string& reason) {
    if (++skipped_ <= max_skipped) send(artifacts::Skipped{path, reason});
  }

  void send(const artifacts::Frame& frame) {
    const auto bytes = encode(frame);
    std::string_view left = bytes;
    while (!left.empty()) {
      const auto n = check(::write(out_, left.data(), left.size()), "write to the artifacts pipe");
      left.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  CollectBounds bounds_;
  int out_;
  std::uint64_t files_ = 0, bytes_ = 0;
  std::size_t entries_ = 0, skipped_ = 0;
  std::string note_;
  std::array<char, artifacts::max_chunk> chunk_{};
};

}  // namespace

void walk_and_stream(int work, const std::vector<std::string>& globs, const CollectBounds& bounds, int out) {
  Walk walk(bounds, out);
  const Fd root(check(::fcntl(work, F_DUPFD_CLOEXEC, 0), "duplicate a descriptor"));
  walk.directory(root, "", GlobState(globs), 0);
  walk.finish();
}

}  // namespace cordon
