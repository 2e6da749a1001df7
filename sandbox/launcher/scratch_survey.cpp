#include "sandbox/launcher/scratch_survey.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

namespace {

using artifacts::LeftKind;

constexpr std::size_t max_told = 16384;                       // four times what a call may be given
constexpr std::uint64_t max_read = std::uint64_t{256} << 20;  // of all files together; less than a second's work

LeftKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return LeftKind::file;
  if (S_ISDIR(mode)) return LeftKind::directory;
  return S_ISLNK(mode) ? LeftKind::link : LeftKind::other;
}

// A layer above a writable image (image_view.cpp): its directories are copies of the image's, and tell nothing.
bool is_layer(const std::string& path) {
  return path.starts_with("upper-");
}

class Survey {
 public:
  explicit Survey(FrameWriter& out) : out_(out) {}

  void all(const Fd& root) {
    const auto is_of_the_job = [](const std::string& name, bool) {
      return name == "work" || name == "tmp" || name == "shm" || is_layer(name);
    };
    for (const auto& name : names_in(root, "", budget_, is_of_the_job)) descend(root, name, name, 0);
    out_.send(artifacts::SurveyEnd{complete_ && !budget_.is_spent});
  }

 private:
  void directory(const Fd& fd, const std::string& path, std::size_t depth) {
    const auto everything = [](const std::string&, bool) { return true; };
    for (const auto& name : names_in(fd, path, budget_, everything)) entry(fd, path, name, depth);
  }

  void descend(const Fd& at, const std::string& path, const std::string& name, std::size_t depth) {
    const auto fd = depth < max_tree_depth ? open_beneath(at.get(), name, O_DIRECTORY) : Fd();
    if (fd)
      directory(fd, path, depth + 1);
    else
      complete_ = false;
  }

  void entry(const Fd& at, const std::string& directory, const std::string& name, std::size_t depth) {
    const auto path = fmt::format("{}/{}", directory, name);
    struct stat st {};
    if (++told_ > max_told || path.size() > max_path ||
        ::fstatat(at.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
      complete_ = false;
      return;
    }
    artifacts::Left left{path, kind_of(st.st_mode)};
    if (left.kind == LeftKind::file) {
      left.size = static_cast<std::uint64_t>(st.st_size);
      left.sha256 = digest(at, path, name, left.size);
    }
    if (left.kind != LeftKind::directory || !is_layer(path)) out_.send(left);
    if (left.kind == LeftKind::directory) descend(at, path, name, depth);
  }

  std::optional<Sha256> digest(const Fd& at, const std::string& path, const std::string& name, std::uint64_t size) {
    if (size > max_read - read_) return std::nullopt;
    const auto fd = open_beneath(at.get(), name, 0);
    if (!fd) return std::nullopt;
    read_ += size;
    return read_and_hash(fd, path, size, [](std::string_view) {}).sha256;
  }

  FrameWriter& out_;
  EntryBudget budget_;
  std::size_t told_ = 0;
  std::uint64_t read_ = 0;
  bool complete_ = true;
};

}  // namespace

void survey_scratch(int root, FrameWriter& out) {
  Survey(out).all(Fd(check(::fcntl(root, F_DUPFD_CLOEXEC, 0), "duplicate a descriptor")));
}

}  // namespace cordon
