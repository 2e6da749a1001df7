#include "cli/image/layer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "cli/failure.hpp"
#include "cli/terminal.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli::image {
namespace {

constexpr std::string_view whiteout = ".wh.", opaque = ".wh..wh..opq";
constexpr std::size_t block = 1 << 16;

struct Close {
  void operator()(struct archive* a) const { ::archive_read_free(a); }
};
using Archive = std::unique_ptr<struct archive, Close>;

[[noreturn]] void broken(const std::string& name, struct archive* archive) {
  const char* why = ::archive_error_string(archive);
  throw Failure(fmt::format("{} cannot be read: {}", name, why == nullptr ? "not an archive" : for_one_line(why)));
}

Archive open_archive(int fd, const std::string& name) {
  Archive archive(::archive_read_new());
  if (!archive) throw Failure("no memory for reading archives");
  ::archive_read_support_format_tar(archive.get());
  for (auto* filter : {::archive_read_support_filter_gzip, ::archive_read_support_filter_zstd,
                       ::archive_read_support_filter_xz, ::archive_read_support_filter_bzip2})
    filter(archive.get());
  if (::lseek(fd, 0, SEEK_SET) < 0 || ::archive_read_open_fd(archive.get(), fd, block) != ARCHIVE_OK)
    broken(name, archive.get());
  return archive;
}

// nullptr: that was the last.
struct archive_entry* next_entry(struct archive* archive, const std::string& name) {
  struct archive_entry* entry = nullptr;
  const int rc = ::archive_read_next_header(archive, &entry);
  if (rc == ARCHIVE_EOF) return nullptr;
  if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) broken(name, archive);
  return entry;
}

std::string path_of(struct archive_entry* entry) {
  const char* path = ::archive_entry_pathname(entry);
  return path == nullptr ? "" : path;
}

// Holes and padding count: what matters is what somebody would have to do with it.
void expect_ratio(struct archive* archive, std::uint64_t unpacked, const Bounds& bounds) {
  const auto packed = static_cast<std::uint64_t>(::archive_filter_bytes(archive, -1));
  if (unpacked > bounds.ratio_free && unpacked / bounds.ratio > packed)
    throw Failure(fmt::format("{} bytes out of {}: more than {} to 1", unpacked, packed, bounds.ratio));
}

// The data of the entry, looked at and forgotten; counted in `unpacked`.
void pass_over_data(struct archive* archive, const std::string& name, const Bounds& bounds, std::uint64_t& unpacked) {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (;;) {
    const int rc = ::archive_read_data_block(archive, &data, &size, &offset);
    if (rc == ARCHIVE_EOF) return;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) broken(name, archive);
    unpacked += size;
    expect_ratio(archive, unpacked, bounds);
  }
}

void write_all_of(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto n = ::write(fd, bytes, size);
    if (n <= 0) throw Failure("cannot write: is the disk full?");
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
}

class Layer {
 public:
  Layer(int fd, const std::string& name, Tree& tree, const Bounds& bounds)
      : archive_(open_archive(fd, name)), name_(name), tree_(tree), bounds_(bounds) {}

  void apply() {
    tree_.begin_layer();
    while (auto* entry = next_entry(archive_.get(), name_)) {
      const auto path = path_of(entry);
      try {
        take(entry, path);
      } catch (const Failure& failure) {
        throw Failure(fmt::format("{}, {}: {}", name_, for_one_line(path), failure.what()));
      }
    }
  }

 private:
  void take(struct archive_entry* entry, const std::string& path) {
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    const auto last = path.substr(folder.size());
    if (last == opaque) return tree_.white_out_others(folder);
    if (last.starts_with(whiteout)) return tree_.white_out(folder + last.substr(whiteout.size()));
    if (::archive_entry_xattr_count(entry) > 0) tree_.note("extended attributes left out");
    if (const char* target = ::archive_entry_hardlink(entry)) return tree_.hard_link(path, target);
    make(entry, path);
  }

  void make(struct archive_entry* entry, const std::string& path) {
    switch (::archive_entry_filetype(entry)) {
      case AE_IFREG:
        return write_file(path, ::archive_entry_perm(entry));
      case AE_IFDIR:
        return tree_.directory(path, ::archive_entry_perm(entry));
      case AE_IFLNK: {
        const char* target = ::archive_entry_symlink(entry);
        return tree_.symlink(path, target == nullptr ? "" : target);
      }
      default:
        tree_.note("devices, FIFOs and sockets left out");
    }
  }

  void write_file(const std::string& path, unsigned mode) {
    const Fd file(tree_.file(path, mode));
    std::array<char, block> buffer{};
    for (;;) {
      const auto n = ::archive_read_data(archive_.get(), buffer.data(), buffer.size());
      if (n == 0) return;
      if (n < 0) broken(name_, archive_.get());
      grow(static_cast<std::uint64_t>(n));
      write_all_of(file.get(), buffer.data(), static_cast<std::size_t>(n));
    }
  }

  void grow(std::uint64_t bytes) {
    tree_.grow(bytes);
    unpacked_ += bytes;
    expect_ratio(archive_.get(), unpacked_, bounds_);
  }

  Archive archive_;
  const std::string& name_;
  Tree& tree_;
  const Bounds& bounds_;
  std::uint64_t unpacked_ = 0;
};

}  // namespace

void apply_layer(int archive, const std::string& name, Tree& tree, const Bounds& bounds) {
  Layer(archive, name, tree, bounds).apply();
}

void list_names(int fd, const std::string& name, const Bounds& bounds,
                const std::function<bool(const std::string&)>& more) {
  const auto archive = open_archive(fd, name);
  std::uint64_t entries = 0, unpacked = 0;
  while (auto* entry = next_entry(archive.get(), name)) {
    if (++entries > bounds.entries) throw Failure(fmt::format("{}: more than {} entries", name, bounds.entries));
    if (!more(path_of(entry))) return;
    if (::archive_filter_count(archive.get()) == 1) continue;  // not packed: libarchive skips by seeking
    pass_over_data(archive.get(), name, bounds, unpacked);
  }
}

}  // namespace cordon::cli::image
