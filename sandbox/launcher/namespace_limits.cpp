#include "sandbox/launcher/namespace_limits.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

// Attached while it is cloned: before Linux 6.15 open_tree(2) takes only what is.
Fd make_namespace_limits(const std::string& place) {
  check(::mkdir(place.c_str(), 0700), "make directory", place);
  attach(new_mount("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), place);
  auto limits = clone_tree(AT_FDCWD, place + "/sys/user");
  check(::umount2(place.c_str(), MNT_DETACH), "unmount", place);
  check(::rmdir(place.c_str()), "remove directory", place);
  return limits;
}

}  // namespace cordon
