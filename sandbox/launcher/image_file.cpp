#include "sandbox/launcher/image_file.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

namespace {

constexpr int loop_attempts = 16;  // another program may take the free one first

Fd open_image(const std::string& path) {
  Fd file(check(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), "open image", path));
  struct stat it {};
  check(::fstat(file.get(), &it), "stat", path);
  if (!S_ISREG(it.st_mode)) throw KernelError("open image", path, EINVAL, "images.NAME.file must be a regular file");
  if (it.st_uid != 0 || (it.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw KernelError("trust image", path, EPERM, "it must be root's, and writable for nobody else");
  return file;
}

void expect_digest(const Fd& file, const std::string& path, const Sha256& digest) {
  const MappedFile mapped(file.get(), path);
  const auto found = sha256(mapped.bytes());
  if (found != digest)
    throw KernelError("verify image", path + ": its sha256 is " + hex(found), EBADMSG,
                      "it is not what was configured: cordon image check, or import it again");
}

struct Loop {
  std::string path;
  Fd device;
};

Loop attach_loop(const Fd& file, const std::string& path) {
  const Fd control(check(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "open", "/dev/loop-control"));
  for (int attempt = 0;; ++attempt) {
    Loop loop;
    loop.path =
        "/dev/loop" + std::to_string(check(::ioctl(control.get(), LOOP_CTL_GET_FREE), "find a free loop device"));
    loop.device.reset(check(::open(loop.path.c_str(), O_RDONLY | O_CLOEXEC), "open", loop.path));
    loop_config config{};
    config.fd = static_cast<__u32>(file.get());
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop.device.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY || attempt == loop_attempts) check(-1, "attach to a loop device", path);
  }
}

}  // namespace

Fd mount_image_file(const std::string& path, const Sha256& digest) {
  const auto file = open_image(path);
  expect_digest(file, path, digest);
  const auto loop = attach_loop(file, path);
  return new_mount("erofs", {{"source", loop.path}, {"ro", ""}},
                   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

}  // namespace cordon
