#include "sandbox/launcher/writable_image.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <utility>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

namespace {

constexpr auto layer_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

constexpr const char* below_root[] = {"etc", "home",    "mnt",       "opt",           "root",    "run",    "srv",
                                      "var", "var/lib", "var/cache", "var/cache/apt", "var/log", "var/tmp"};
constexpr const char* below_usr[] = {
    "bin",   "games",     "include",   "lib", "lib/node_modules", "lib/python3", "lib/python3/dist-packages", "sbin",
    "share", "share/doc", "share/man", "src"};

Fd make_directory(int at, const std::string& path, std::uint32_t owner) {
  check(::mkdirat(at, path.c_str(), 0755), "make layer directory", path);
  check(::fchownat(at, path.c_str(), owner, owner, AT_SYMLINK_NOFOLLOW), "give away layer directory", path);
  return open_directory(at, path);
}

// Nothing of the directory below shows through (overlayfs.rst, "whiteouts and opaque directories").
void make_opaque(const Fd& directory) {
  check(::fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0), "make a layer directory opaque");
}

// One overlay on the scratch: NAME is its upper layer, NAME.work the kernel's.
class Layer {
 public:
  Layer(const Images& stage, std::string name, std::uint32_t owner)
      : scratch_(open_directory(stage.place_for_scratch())),
        name_(std::move(name)),
        paths_{stage.place_for_scratch() + "/" + name_, stage.place_for_scratch() + "/" + name_ + ".work"},
        owner_(owner) {
    make("");
    make_directory(scratch_.get(), name_ + ".work", 0);
  }

  Fd make(const std::string& path) const { return make_directory(scratch_.get(), name_ + "/" + path, owner_); }
  Fd mount(const std::string& lower) const { return new_overlay({lower}, paths_, layer_attributes); }

 private:
  Fd scratch_;
  std::string name_;
  UpperLayer paths_;
  std::uint32_t owner_;
};

// The image's own /usr, if it is a directory: through no link of the image's.
Fd find_usr(const std::string& image) {
  const auto root = open_directory(image);
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, root.get(), "usr", &how, sizeof how)));
}

void attach_usr(const Images& stage, const std::string& image, std::uint32_t owner) {
  const auto below = find_usr(stage.root(image));
  if (!below) return;
  const Layer usr(stage, "usr", owner);
  for (const char* path : below_usr) usr.make(path);
  if (stage.is_host_view(image)) {  // what that leaves out stays out: an empty directory of the job's own
    make_opaque(usr.make("local"));
    usr.make("libexec");
    make_opaque(usr.make("libexec/cordon"));
  }
  const auto root = open_directory(stage.place_for_root());
  attach(usr.mount("/proc/self/fd/" + std::to_string(below.get())), root.get(), "usr");
}

}  // namespace

void attach_writable_image(const Images& stage, const std::string& image, std::uint32_t owner) {
  const Layer top(stage, "root", owner);
  for (const char* path : below_root) top.make(path);
  attach(top.mount(stage.root(image)), AT_FDCWD, stage.place_for_root());
  attach_usr(stage, image, owner);
}

}  // namespace cordon
