#include "sandbox/kernel/mount.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

void set_options(const Fd& context, std::string_view type, const MountOptions& options) {
  for (const auto& [key, value] : options) {
    const bool flag = value.empty();
    check(::fsconfig(context.get(), flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key.c_str(),
                     flag ? nullptr : value.c_str(), 0),
          "set a mount option", std::string(type).append(" ").append(key).append("=").append(value));
  }
}

}  // namespace

void reconfigure_mount(const Fd& mount, const MountOptions& options) {
  const Fd context(check(::fspick(mount.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), "fspick", "a mount"));
  set_options(context, "of a mount", options);
  check(::fsconfig(context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0), "reconfigure", "a mount");
}

Fd new_mount(const char* type, const MountOptions& options, std::uint64_t attributes) {
  const Fd context(check(::fsopen(type, FSOPEN_CLOEXEC), "fsopen", type));
  set_options(context, type, options);
  check(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "create a file system", type);
  return Fd(check(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)), "fsmount", type));
}

Fd new_overlay(const std::vector<std::string>& lower, const std::optional<UpperLayer>& upper,
               std::uint64_t attributes) {
  std::string joined;
  for (const auto& directory : lower) {
    if (!joined.empty()) joined += ':';
    joined += directory;
  }
  MountOptions options{{"lowerdir", joined}, {"redirect_dir", "nofollow"}, {"metacopy", "off"}};
  if (upper) options.insert(options.end(), {{"upperdir", upper->directory}, {"workdir", upper->work}});
  return new_mount("overlay", options, attributes);
}

Fd clone_tree(int at, const std::string& path) {
  return Fd(check(::open_tree(at, path.c_str(),
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
                                  (path.empty() ? AT_EMPTY_PATH : 0)),
                  "clone the mounts at", path));
}

void restrict_tree(int tree, std::uint64_t attributes) {
  mount_attr attr{};
  attr.attr_set = attributes;
  attr.propagation = MS_PRIVATE;
  check(::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr), "restrict a mount tree");
}

void attach(const Fd& mount, const std::string& path) {
  check(::move_mount(mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH), "attach a mount on", path);
}

}  // namespace cordon
