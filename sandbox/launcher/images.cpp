#include "sandbox/launcher/images.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "profiles/egress_grant.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"
#include "sandbox/launcher/hosts.hpp"
#include "sandbox/launcher/image_file.hpp"

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
  make_file(root + "/etc/hosts", hosts_of({}));
  make_file(root + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
}

// On top of the skeleton when there is somebody to ask: the one resolver (netfilter/egress_job.hpp), and nothing else
// that a client would need to be told.
void make_names_layer(const std::string& root) {
  make_directory(root);
  make_directory(root + "/etc");
  make_file(root + "/etc/resolv.conf",
            "nameserver " + to_text(synthetic_resolver) + "\noptions timeout:2 attempts:2\n");
  make_file(root + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
}

// The public certificate authorities that the administrator trusts, as links into /usr and one file of all of them.
void copy_certificate_authorities(const std::string& etc) {
  const fs::path from = "/etc/ssl/certs";
  if (!fs::is_directory(from)) return;
  make_directory(etc + "/ssl");
  make_directory(etc + "/ssl/certs");
  for (const auto& entry : fs::directory_iterator(from)) {
    const auto to = etc + "/ssl/certs/" + entry.path().filename().string();
    if (entry.is_symlink())
      fs::copy_symlink(entry.path(), to);
    else
      copy_public_file(entry.path(), to);
  }
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

// Not a tool's business: what the administrator installed by hand, and Cordon's own programs. An opaque directory of an
// upper layer hides what lies below it (overlayfs.rst, "whiteouts and opaque directories").
void hide_from_usr(const std::string& layer) {
  for (const char* directory : {"/local", "/libexec", "/libexec/cordon"}) make_directory(layer + directory);
  for (const char* hidden : {"/local", "/libexec/cordon"})
    check(::setxattr((layer + hidden).c_str(), "trusted.overlay.opaque", "y", 1, 0), "hide", hidden);
}

// A generated root for the host's /usr.
void make_host_root(const std::string& root) {
  make_skeleton(root);
  make_directory(root + "/usr");
  make_directory(root + "/var");
  copy_usr_links(root);
  copy_alternatives(root + "/etc");
  copy_public_file("/etc/ld.so.cache", root + "/etc/ld.so.cache");
  copy_public_file("/etc/localtime", root + "/etc/localtime");
}

bool is_root_of_the_host(const Fd& directory) {
  struct stat it {};
  struct stat root {};
  check(::fstat(directory.get(), &it), "stat", "an image");
  check(::stat("/", &root), "stat", "/");
  return it.st_dev == root.st_dev && it.st_ino == root.st_ino;
}

// Looked at once: what was found is what is mounted. What a layer has below it elsewhere, it never shows.
void attach_layer(const std::string& path, const std::string& place) {
  const Fd tree(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!tree)
    throw KernelError("open image", path, errno, "images.NAME.rootfs must be a directory with a root file system");
  if (is_root_of_the_host(tree))
    throw KernelError("open image", path, EINVAL, "that is the host itself: leave rootfs out for a view of its /usr");
  const auto layer = clone_tree(tree.get(), "");
  restrict_tree(layer.get(), image_attributes);
  make_directory(place);
  attach(layer, place);
}

void attach_file(const ImageConfig& image, const std::string& place) {
  const auto layer = mount_image_file(image.file, image.sha256);
  restrict_tree(layer.get(), image_attributes);
  make_directory(place);
  attach(layer, place);
}

constexpr const char* own_namespace = "/proc/self/ns/mnt";

Fd open_own_namespace() {
  return Fd(check(::open(own_namespace, O_RDONLY | O_CLOEXEC), "open", own_namespace));
}

std::pair<std::uint64_t, std::uint64_t> mount_and_file(const Fd& directory) {
  struct statx found {};
  check(::statx(directory.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &found), "statx", "a root");
  return {found.stx_mnt_id, found.stx_ino};
}

// A second namespace with `stage` as its root, made by going there and coming back. pivot_root(2): with both arguments
// "." the old root ends up on top of the new one, and is taken off. Who comes back is at the root of the namespace
// (setns(2)). In a chroot(2) that was not ours, and what is below ours in the second namespace would be the host's.
Fd make_template(const std::string& stage) {
  const auto home = open_own_namespace();
  const auto root = open_directory("/");
  check(::unshare(CLONE_NEWNS), "enter a second mount namespace");
  const auto go_home = [&] {
    check(::setns(home.get(), CLONE_NEWNS), "return to the mount namespace");
    const bool is_ours = mount_and_file(open_directory("/")) == mount_and_file(root);
    check(::fchdir(root.get()), "chdir to", "our own root");
    check(::chroot("."), "return to", "our own root");  // for whoever cleans up behind us
    if (!is_ours)
      throw KernelError("make the mount namespace of the images", "in a chroot", ENOTSUP,
                        "begin with a root that is a mount namespace's own: pivot_root(2), as containers have it");
  };
  try {
    auto made = open_own_namespace();
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
    check(::chdir(stage.c_str()), "chdir to the stage");
    check(::syscall(SYS_pivot_root, ".", "."), "pivot_root to the stage");
    check(::umount2(".", MNT_DETACH), "detach the host's root");
    go_home();
    return made;
  } catch (const KernelError&) {
    go_home();  // whoever cleans up behind us needs the host's tree
    throw;
  }
}

}  // namespace

Images::Images(std::string stage, const std::map<std::string, ImageConfig>& images) : stage_(std::move(stage)) {
  check(::unshare(CLONE_NEWNS), "enter a mount namespace");
  // What the host unmounts goes away here too; nothing done here reaches the host.
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "make mounts slaves of the host's");
  attach(new_mount("tmpfs", {{"mode", "0755"}, {"size", "16m"}}, 0), stage_);
  for (const char* directory : {"/new_root", "/scratch", "/empty", "/hide"}) make_directory(stage_ + directory);
  make_skeleton(stage_ + "/skeleton");
  make_host_root(stage_ + "/host");
  hide_from_usr(stage_ + "/hide");
  make_names_layer(stage_ + "/names");
  make_names_layer(stage_ + "/host_names");
  copy_certificate_authorities(stage_ + "/host_names/etc");
  for (const auto& [name, image] : images) {
    const auto layer = "layer" + std::to_string(parts_.size());
    if (image.file.empty())
      attach_layer(image.is_host() ? "/usr" : image.rootfs, stage_ + "/" + layer);
    else
      attach_file(image, stage_ + "/" + layer);
    parts_[name] = image.is_host() ? ImageParts{{"", {"empty", "host"}}, {"usr", {"hide", layer}}}
                                   : ImageParts{{"", {"skeleton", layer}}};
    auto& view = parts_[with_names(name)] = parts_[name];
    auto& root = view.front().layers;
    root.front() == "empty" ? void(root.front() = "host_names") : void(root.insert(root.begin(), "names"));
    names_.push_back(name);
  }
  template_ = make_template(stage_);
}

void Images::enter_copy() const {
  const auto own = open_directory("/proc/self/ns");  // there is no /proc where we go
  check(::setns(template_.get(), CLONE_NEWNS), "enter the mount namespace of the images");
  check(::unshare(CLONE_NEWNS), "enter a mount namespace");
  struct stat copied {};
  struct stat copy {};
  check(::fstat(template_.get(), &copied), "stat", "the mount namespace of the images");
  check(::fstatat(own.get(), "mnt", &copy, 0), "stat", "the mount namespace");
  if (copy.st_ino == copied.st_ino) throw KernelError("read back", "the mount namespace", ENOTRECOVERABLE);
}

void Images::remove() {
  template_.reset();
  check(::umount2(stage_.c_str(), MNT_DETACH), "unmount", stage_);
  check(::rmdir(stage_.c_str()), "remove directory", stage_);
}

}  // namespace cordon
