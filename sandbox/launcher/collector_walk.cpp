#include "sandbox/launcher/collector_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

#include "sandbox/kernel/check.hpp"
#include "sandbox/launcher/glob.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

namespace {

constexpr std::size_t max_skipped = 256;  // told; more are only counted

class Walk {
 public:
  Walk(const CollectBounds& bounds, FrameWriter& out) : bounds_(bounds), out_(out) {}

  void directory(const Fd& fd, const std::string& prefix, const GlobState& globs, std::size_t depth) {
    const auto is_wanted = [&](const std::string& name, bool maybe_directory) {
      return maybe_directory ? globs.asks_for_directory(name) : globs.asks_for_file(name);
    };
    for (const auto& name : names_in(fd, prefix, budget_, is_wanted)) {
      const auto step = globs.enter(name);
      if (step.matched || step.below.wants_more()) entry(fd, prefix + name, name, step, depth);
    }
  }

  std::string note() const {
    const std::string unread = budget_.is_spent ? "too many directory entries: not all were looked at" : "";
    const auto untold = skipped_ > max_skipped ? std::to_string(skipped_ - max_skipped) + " more were skipped" : "";
    return unread.empty() || untold.empty() ? unread + untold : unread + "; " + untold;
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
    if (depth == max_tree_depth) return skip(path, "more than 64 directories deep");
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
    out_.send(artifacts::FileBegin{path});
    out_.send(read_and_hash(fd, path, static_cast<std::uint64_t>(st.st_size),
                            [this](std::string_view bytes) { out_.send(artifacts::FileData{bytes}); }));
  }

  void skip(const std::string& path, const std::string& reason) {
    if (++skipped_ <= max_skipped) out_.send(artifacts::Skipped{path, reason});
  }

  CollectBounds bounds_;
  FrameWriter& out_;
  std::uint64_t files_ = 0, bytes_ = 0;
  std::size_t skipped_ = 0;
  EntryBudget budget_;
};

}  // namespace

std::string collect_files(int root, const std::vector<std::string>& globs, const CollectBounds& bounds,
                          FrameWriter& out) {
  if (globs.empty()) return "";
  Walk walk(bounds, out);
  const auto work = open_beneath(root, "work", O_DIRECTORY);
  if (!work) check(-1, "open the scratch directory");
  walk.directory(work, "", GlobState(globs), 0);
  return walk.note();
}

}  // namespace cordon
