#include "cli/image/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "cli/failure.hpp"
#include "cli/terminal.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli::image {
namespace {

constexpr std::size_t longest_path = 4095, longest_name = 255, deepest = 128;
constexpr std::uint64_t room_every = std::uint64_t{16} << 20;  // bytes, between two looks at the disk

[[noreturn]] void refuse(std::string_view path, const std::string& why) {
  throw Failure(fmt::format("{}: {}", for_one_line(path), why));
}

[[noreturn]] void failed(std::string_view path, const char* step) {
  const int error = errno;
  refuse(path, fmt::format("cannot {}: {}", step, std::strerror(error)));
}

std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const auto slash = path.find('/');
    names.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return names;
}

// Links of the image are followed as they would be with the tree as the root, never out of it.
int open_in_root(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how));
}

void remove_all(int parent, const std::string& name);

void remove_children(int parent, const std::string& name) {
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* const directory = fd < 0 ? nullptr : ::fdopendir(fd);
  if (directory == nullptr) failed(name, "open the directory");
  std::vector<std::string> children;
  while (const auto* entry = ::readdir(directory))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      children.emplace_back(entry->d_name);
  for (const auto& child : children) remove_all(::dirfd(directory), child);
  ::closedir(directory);
}

void remove_all(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) failed(name, "remove what was there");
  remove_children(parent, name);
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) < 0) failed(name, "remove the directory that was there");
}

// Where an open directory is, links followed; nullopt where that is longer than a path can be.
std::optional<std::string> path_of_open(int fd) {
  std::array<char, 4096> buffer{};
  const auto n = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), buffer.data(), buffer.size());
  if (n < 0 || static_cast<std::size_t>(n) == buffer.size()) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(n));
}

bool is_directory(int parent, const std::string& name) {
  struct stat it {};
  return ::fstatat(parent, name.c_str(), &it, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(it.st_mode);
}

}  // namespace

std::string normal_path(std::string_view path) {
  std::string normal;
  std::size_t depth = 0;
  if (path.find('\0') != std::string_view::npos) refuse(path, "a path with a NUL byte");
  for (const auto& name : names_of(path)) {
    if (name.empty() || name == ".") continue;
    if (name == "..") refuse(path, "a path with \"..\"");
    if (name.size() > longest_name || ++depth > deepest) refuse(path.substr(0, 200), "a path that is too long");
    normal += (normal.empty() ? "" : "/") + name;
  }
  if (normal.size() > longest_path) refuse(path.substr(0, 200), "a path that is too long");
  return normal;
}

void Tree::count(const std::string& path) {
  if (++entries_ > bounds_.entries) refuse(path, fmt::format("more than {} entries", bounds_.entries));
  made_.insert(path);
}

void Tree::grow(std::uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_ > bounds_.bytes) throw Failure(fmt::format("more than {} bytes when unpacked", bounds_.bytes));
  if (bytes_ - room_seen_at_ < room_every) return;
  room_seen_at_ = bytes_;
  expect_room();
}

void Tree::expect_room() const {
  struct statvfs disk {};
  if (bounds_.keep_free == 0 || ::fstatvfs(root_, &disk) < 0) return;
  if (std::uint64_t{disk.f_bavail} * disk.f_frsize < bounds_.keep_free)
    throw Failure(fmt::format("less than {} bytes would be left on the disk", bounds_.keep_free));
}

// By links of the image a short path can lead to a deep place, and by many such an archive to one that is deeper than
// whoever cleans up can follow.
void Tree::expect_not_too_deep(std::string_view path, int parent) const {
  const auto root = path_of_open(root_), place = path_of_open(parent);
  if (!root || !place ||
      std::count(place->begin(), place->end(), '/') - std::count(root->begin(), root->end(), '/') >=
          static_cast<std::ptrdiff_t>(deepest))
    refuse(path, "a place that is too deep");
}

unsigned Tree::taken_mode(unsigned mode) {
  if ((mode & (S_ISUID | S_ISGID)) != 0) note("set-user-id and set-group-id bits taken off");
  return mode & 0777;
}

Tree::Place Tree::place(std::string_view path) {
  Place place;
  place.path = normal_path(path);
  const auto slash = place.path.rfind('/');
  place.name = place.path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (place.name.empty()) return place;
  std::string above;
  Fd parent(open_in_root(root_, ""));
  for (const auto& name : names_of(slash == std::string::npos ? "" : place.path.substr(0, slash))) {
    above += (above.empty() ? "" : "/") + name;
    Fd next(open_in_root(root_, above));
    if (!next && errno == ENOENT && parent && ::mkdirat(parent.get(), name.c_str(), 0755) == 0)
      next.reset(open_in_root(root_, above));
    if (!next) failed(path, "open the directory above it");
    parent = std::move(next);
  }
  if (!parent) failed(path, "open the directory above it");
  expect_not_too_deep(path, parent.get());
  place.parent = parent.release();
  return place;
}

void Tree::make_room(const Place& place, bool for_directory) {
  if (for_directory && is_directory(place.parent, place.name)) return;
  remove_all(place.parent, place.name);
}

void Tree::directory(std::string_view path, unsigned mode) {
  const auto at = place(path);
  const Fd parent(at.parent);
  count(at.path);
  if (at.name.empty()) return;
  make_room(at, true);
  if (::mkdirat(parent.get(), at.name.c_str(), 0755) < 0 && errno != EEXIST) failed(path, "make the directory");
  // Whoever unpacks must still get in; inside, nobody is its owner.
  if (::fchmodat(parent.get(), at.name.c_str(), taken_mode(mode) | 0700, 0) < 0) failed(path, "set the mode");
}

int Tree::file(std::string_view path, unsigned mode) {
  const auto at = place(path);
  const Fd parent(at.parent);
  count(at.path);
  if (at.name.empty()) refuse(path, "a file in the place of the root");
  make_room(at, false);
  const int fd = ::openat(parent.get(), at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) failed(path, "make the file");
  if (::fchmod(fd, taken_mode(mode) | 0400) < 0) failed(path, "set the mode");
  return fd;
}

void Tree::symlink(std::string_view path, const std::string& target) {
  const auto at = place(path);
  const Fd parent(at.parent);
  count(at.path);
  if (at.name.empty() || target.empty() || target.size() > longest_path) refuse(path, "a link to nowhere");
  make_room(at, false);
  if (::symlinkat(target.c_str(), parent.get(), at.name.c_str()) < 0) failed(path, "make the link");
}

void Tree::hard_link(std::string_view path, std::string_view target) {
  const auto from = place(target);
  const Fd from_parent(from.parent);
  const auto at = place(path);
  const Fd parent(at.parent);
  count(at.path);
  if (at.name.empty() || from.name.empty()) refuse(path, "a link to nowhere");
  if (at.path == from.path) return;
  struct stat it {};
  if (::fstatat(from_parent.get(), from.name.c_str(), &it, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(it.st_mode))
    refuse(path, "a link to what is not there");
  make_room(at, false);
  if (::linkat(from_parent.get(), from.name.c_str(), parent.get(), at.name.c_str(), 0) < 0)
    failed(path, "make the link");
}

void Tree::white_out(std::string_view path) {
  const auto at = place(path);
  const Fd parent(at.parent);
  if (at.name.empty()) refuse(path, "a whiteout of the root");
  if (!made_.contains(at.path)) remove_all(parent.get(), at.name);
}

void Tree::white_out_others(std::string_view path) {
  const auto normal = normal_path(path);
  const Fd directory(open_in_root(root_, normal));
  const Fd readable(directory ? ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
  DIR* const children = readable ? ::fdopendir(::dup(readable.get())) : nullptr;
  if (children == nullptr) return;  // there is nothing that could be hidden
  std::vector<std::string> names;
  while (const auto* entry = ::readdir(children)) names.emplace_back(entry->d_name);
  ::closedir(children);
  for (const auto& name : names) {
    const auto below = normal.empty() ? name : fmt::format("{}/{}", normal, name);
    if (name != "." && name != ".." && !made_.contains(below)) remove_all(readable.get(), name);
  }
}

}  // namespace cordon::cli::image
