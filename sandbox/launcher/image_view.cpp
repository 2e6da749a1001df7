#include "sandbox/launcher/image_view.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

namespace {

constexpr auto view_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

constexpr const char* below_root[] = {"etc", "home",    "mnt",       "opt",           "root",    "run",    "srv",
                                      "var", "var/lib", "var/cache", "var/cache/apt", "var/log", "var/tmp"};
constexpr const char* below_usr[] = {
    "bin",     "games", "include", "lib",   "lib/node_modules", "lib/python3", "lib/python3/dist-packages",
    "libexec", "local", "sbin",    "share", "share/doc",        "share/man",   "src"};

void attach_part(const std::string& at, const Fd& view) {
  attach(view, Images::place_for_root() + (at.empty() ? "" : "/" + at));
}

// One upper layer on the scratch.
class UpperDirectory {
 public:
  UpperDirectory(const std::string& part, std::uint32_t owner)
      : paths_{"scratch/upper-" + part, "scratch/overlay-" + part}, owner_(owner) {
    make(paths_.directory, owner_);
    make(paths_.work, 0);
  }

  void add(const std::string& path) const { make(paths_.directory + "/" + path, owner_); }
  const UpperLayer& paths() const { return paths_; }

 private:
  static void make(const std::string& path, std::uint32_t owner) {
    check(::mkdir(path.c_str(), 0755), "make directory", path);
    check(::lchown(path.c_str(), owner, owner), "give away directory", path);
  }
  UpperLayer paths_;
  std::uint32_t owner_;
};

// Through no link of the image's.
bool has_own_usr(const ImagePart& part) {
  const auto image = open_directory(part.layers.back());
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<bool>(Fd(static_cast<int>(::syscall(SYS_openat2, image.get(), "usr", &how, sizeof how))));
}

void add_usr(const UpperDirectory& upper, const std::string& prefix) {
  for (const char* path : below_usr) upper.add(prefix + path);
}

void add_directories(const UpperDirectory& upper, const ImageParts& parts, const ImagePart& part) {
  if (part.at == "usr") return add_usr(upper, "");
  for (const char* path : below_root) upper.add(path);
  const bool is_all = parts.size() == 1;
  if (is_all && has_own_usr(part)) upper.add("usr"), add_usr(upper, "usr/");
}

}  // namespace

void attach_image(const Images& images, const std::string& name) {
  for (const auto& part : images.parts(name))
    attach_part(part.at, new_overlay(part.layers, std::nullopt, view_attributes | MOUNT_ATTR_RDONLY));
}

void attach_writable_image(const Images& images, const std::string& name, std::uint32_t owner) {
  const auto& parts = images.parts(name);
  for (const auto& part : parts) {
    const UpperDirectory upper(part.at, owner);
    add_directories(upper, parts, part);
    attach_part(part.at, new_overlay(part.layers, upper.paths(), view_attributes));
  }
}

}  // namespace cordon
