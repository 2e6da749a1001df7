#include "supervisor/image_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

bool image_has(const ImageConfig& image, const std::string& absolute_path) {
  if (!image.file.empty()) return true;  // only the launcher has mounted it
  const auto root_path = image.is_host() ? std::string("/") : image.rootfs;
  const Fd root(::open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return true;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, root.get(), absolute_path.c_str(), &how, sizeof how)));
  return file || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP);
}

}  // namespace cordon
