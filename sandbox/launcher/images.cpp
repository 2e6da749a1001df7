#include "sandbox/launcher/images.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

namespace {

namespace fs = std::filesystem;

constexpr auto image_attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

void make_directory(const std::string& path) {
  check(::mkdir(path.c_str(), 0755), "make directory", path);
}

void make_file(const std::string& path, std::string_view text) {
  const Fd fd(check(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), "create", path));
  check(::write(fd.get(), text.data(), text.size()), "write", path);
}

// Copies a world-readable file of the host, if it is there.
void copy_public_file(const std::string& from, const std::string& to) {
  struct stat st {};
  if (::stat(from.c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0) fs::copy_file(from, to);
}

// What every image has of its own: mount points that no symlink of an image can move, and the names of the two users.
void make_skeleton(const std::string& root) {
  make_directory(root);
  for (const char* directory : {"dev", "etc", "proc", "run", "sys", "tmp", "work"})
    make_directory(root + "/" + directory);
  make_file(root + "/etc/passwd",
            "root:x:0:0:root:/:/usr/sbin/nologin\n"
            "cordon:x:1000:1000:job:/work:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
  make_file(root + "/etc/group", "root:x:0:\ncordon:x:1000:\nnogroup:x:65534:\n");
  make_file(root + "/etc/hosts", "127.0.0.1 localhost cordon\n::1 localhost cordon\n");
  make_file(root + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
}

// /bin, /lib and their kind, as the host has them: links into /usr.
void copy_usr_links(const std::string& root) {
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
    std::error_code error;
    const auto target = fs::read_symlink(std::string("/") + name, error);
    if (!error && target.string().starts_with("usr/")) fs::create_symlink(target, root + "/" + name);
  }
}

void copy_alternatives(const std::string& etc) {
  if (!fs::is_directory("/etc/alternatives")) return;
  make_directory(etc + "/alternatives");
  for (const auto& entry : fs::directory_iterator("/etc/alternatives"))
    if (entry.is_symlink()) fs::copy_symlink(entry.path(), etc + "/alternatives/" + entry.path().filename().string());
}

// Not a tool's business: what the administrator installed by hand, and Cordon's own programs.
constexpr const char* left_out[] = {"local", "libexec/cordon"};

// A read-only view of the host's /usr with a generated /etc.
void build_host_view(const std::string& root, const std::string& usr) {
  make_skeleton(root);
  make_directory(root + "/usr");
  make_directory(root + "/var");
  copy_usr_links(root);
  copy_alternatives(root + "/etc");
  copy_public_file("/etc/ld.so.cache", root + "/etc/ld.so.cache");
  copy_public_file("/etc/localtime", root + "/etc/localtime");
  attach(clone_tree(AT_FDCWD, root), AT_FDCWD, root);
  const auto at = open_directory(root);
  attach(clone_tree(AT_FDCWD, "/usr"), at.get(), "usr");
  for (const std::string name : left_out) {
    if (!fs::is_directory("/usr/" + name)) continue;
    fs::create_directories(usr + "/" + name);
    check(::setxattr((usr + "/" + name).c_str(), "trusted.overlay.opaque", "y", 1, 0), "hide", name);
  }
  restrict_tree(at.get(), image_attributes);
}

std::string layers(const std::string& upper, const std::string& lower) {
  std::string list = upper;
  list += ':';
  for (const char c : lower) {
    if (c == ':' || c == '\\' || c == ',') list += '\\';
    list += c;
  }
  return list;
}

// Two layers and no upper one: the skeleton's plain directories hide whatever an image has in their place, links too.
// What an image says about overlays in its extended attributes is not heard (overlayfs.rst, "redirect_dir",
// "metacopy").
Fd overlay(const std::string& upper, const std::string& lower) {
  const MountOptions options{{"lowerdir", layers(upper, lower)}, {"redirect_dir", "nofollow"}, {"metacopy", "off"}};
  return new_mount("overlay", options, image_attributes);
}

void require_rootfs(const std::string& rootfs) {
  if (!fs::is_directory(rootfs))
    throw KernelError("open image", rootfs, ENOTDIR, "images.NAME.rootfs must be a directory with a root file system");
}

}  // namespace

Images::Images(std::string stage, const std::map<std::string, ImageConfig>& images) : stage_(std::move(stage)) {
  check(::unshare(CLONE_NEWNS), "enter a mount namespace");
  // What the host unmounts goes away here too; nothing done here reaches the host.
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "make mounts slaves of the host's");
  attach(new_mount("tmpfs", {{"mode", "0755"}, {"size", "16m"}}, 0), AT_FDCWD, stage_);
  for (const char* directory : {"/root", "/new_root", "/scratch", "/empty", "/usr"}) make_directory(stage_ + directory);
  make_skeleton(stage_ + "/skeleton");
  for (const auto& [name, image] : images) {
    if (image.rootfs.empty())
      build_host_view(root(name), stage_ + "/usr");
    else
      require_rootfs(image.rootfs);
    rootfs_[name] = image.rootfs;
    names_.push_back(name);
  }
}

void Images::attach_view(const std::string& name) const {
  const auto& rootfs = rootfs_.at(name);
  if (!rootfs.empty()) return attach(overlay(stage_ + "/skeleton", rootfs), AT_FDCWD, place_for_root());
  attach(overlay(stage_ + "/empty", root(name)), AT_FDCWD, place_for_root());
  const auto at = open_directory(place_for_root());
  attach(overlay(stage_ + "/usr", root(name) + "/usr"), at.get(), "usr");
}

void Images::remove() {
  check(::umount2(stage_.c_str(), MNT_DETACH), "unmount", stage_);
  check(::rmdir(stage_.c_str()), "remove directory", stage_);
}

bool Images::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

}  // namespace cordon
