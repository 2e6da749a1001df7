#include "tests/promises/image_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "profiles/sha256.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon::test {
namespace {

namespace fs = std::filesystem;

std::string content_of(int at, const std::string& name, const struct stat& st) {
  if (S_ISLNK(st.st_mode)) {
    std::array<char, 4096> target{};
    const auto n = check(::readlinkat(at, name.c_str(), target.data(), target.size()), "readlink", name);
    return {target.data(), static_cast<std::size_t>(n)};
  }
  return S_ISREG(st.st_mode) ? read_file(at, name) : std::string();
}

std::string attributes_of(int at, const std::string& name) {
  const auto path = fmt::format("/proc/self/fd/{}/{}", at, name);
  std::array<char, 4096> names{};
  std::string found;
  const auto size = check(::llistxattr(path.c_str(), names.data(), names.size()), "list attributes", name);
  for (const char* one = names.data(); one < names.data() + size; one += std::strlen(one) + 1) {
    std::array<char, 4096> value{};
    const auto n = check(::lgetxattr(path.c_str(), one, value.data(), value.size()), "read attribute", one);
    found += std::string(one) + "=" + std::string(value.data(), static_cast<std::size_t>(n)) + ";";
  }
  return found;
}

// By descriptors: the paths of a hostile tree may be longer than paths can be.
std::string describe_directory(const Fd& directory) {
  std::vector<std::string> entries;
  const int copy = check(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0), "duplicate a descriptor");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    struct stat st {};
    if (name == "..") continue;
    check(::fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW), "stat", name);
    auto line = fmt::format("{} {:o} {} {} {} {} {} {}.{} {}.{} {}", name, st.st_mode, st.st_uid, st.st_gid,
                            st.st_nlink, st.st_rdev, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                            st.st_ctim.tv_sec, st.st_ctim.tv_nsec, attributes_of(directory.get(), name));
    line += hex(sha256(content_of(directory.get(), name, st)));
    if (S_ISDIR(st.st_mode) && name != ".")
      line += hex(sha256(describe_directory(open_directory(directory.get(), name))));
    entries.push_back(std::move(line));
  }
  std::sort(entries.begin(), entries.end());
  std::string all;
  for (const auto& entry : entries) all += entry + "\n";
  return all;
}

void make_file(const fs::path& path, const std::string& text, unsigned mode) {
  const Fd fd(check(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "create", path.string()));
  check(::write(fd.get(), text.data(), text.size()), "write", path.string());
  check(::fchmod(fd.get(), mode), "chmod", path.string());
}

}  // namespace

ImageTree::ImageTree(const std::string& name) : name_(name) {
  std::string directory = "/var/tmp/cordon-image.XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) check(-1, "make a directory", directory);
  directory_ = directory;
  fs::permissions(directory_, fs::perms(0755));
  fs::create_directories(root());
  fs::create_directory(canary());
  make_file(canary() / "secret", secret(), 0644);
}

ImageTree::ImageTree(ImageTree&& other) noexcept
    : directory_(std::exchange(other.directory_, {})), name_(std::move(other.name_)) {}

ImageTree::~ImageTree() {
  std::error_code error;
  if (!directory_.empty()) fs::remove_all(directory_, error);
}

void ImageTree::directory(const std::string& path, unsigned mode) const {
  fs::create_directories(root() / path);
  fs::permissions(root() / path, fs::perms(mode));
}

void ImageTree::nest(const std::string& path, const std::string& name, int depth) const {
  directory(path);
  auto at = open_directory((root() / path).string());
  for (int i = 0; i < depth; ++i) {
    check(::mkdirat(at.get(), name.c_str(), 0755), "make directory", name);
    at = open_directory(at.get(), name);
  }
}

void ImageTree::file(const std::string& path, const std::string& text, unsigned mode) const {
  fs::create_directories((root() / path).parent_path());
  make_file(root() / path, text, mode);
}

void ImageTree::link(const std::string& path, const std::string& target) const {
  fs::create_directories((root() / path).parent_path());
  fs::create_symlink(target, root() / path);
}

void ImageTree::node(const std::string& path, unsigned type, unsigned major, unsigned minor) const {
  fs::create_directories((root() / path).parent_path());
  check(::mknod((root() / path).c_str(), type | 0666, makedev(major, minor)), "make node", path);
  check(::chmod((root() / path).c_str(), 0666), "chmod", path);
}

void ImageTree::program(const std::string& path, const std::string& probe, unsigned mode) const {
  file(path, read_file(CORDON_PROBE_DIR "/" + probe), mode);
}

void ImageTree::attribute(const std::string& path, const std::string& name, const std::string& value) const {
  check(::lsetxattr((root() / path).c_str(), name.c_str(), value.data(), value.size(), 0), "set attribute", name);
}

Fd ImageTree::listener(const std::string& path) const {
  fs::create_directories((root() / path).parent_path());
  return listen_at(root() / path);
}

Fd ImageTree::listen_at(const fs::path& path) {
  Fd socket(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "make a socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto at = open_directory(path.parent_path().string());
  const auto name = fmt::format("/proc/self/fd/{}/{}", at.get(), path.filename().string());
  std::copy(name.begin(), name.end(), address.sun_path);
  check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind", path.string());
  check(::listen(socket.get(), 8), "listen", path.string());
  check(::chmod(path.c_str(), 0666), "chmod", path.string());
  return socket;
}

std::string ImageTree::digest() const {
  return hex(sha256(describe_directory(open_directory(root().string())))) +
         hex(sha256(describe_directory(open_directory(canary().string()))));
}

std::string every_capability() {
  vfs_cap_data value{};
  value.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  value.data[0].permitted = ~0U;
  value.data[1].permitted = 0x1ff;
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace cordon::test
