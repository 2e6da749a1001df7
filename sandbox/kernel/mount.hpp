// The new mount API by file descriptors: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

using MountOptions = std::vector<std::pair<std::string, std::string>>;  // an empty value is a flag

// A detached mount of a new file system instance. `attributes`: MOUNT_ATTR_*.
Fd new_mount(const char* type, const MountOptions& options, std::uint64_t attributes);

// Gives the file system behind a mount other options (fspick(2)).
void reconfigure_mount(const Fd& mount, const MountOptions& options);

// A detached overlay (overlayfs.rst), the first of `lower` on top. Without `upper` it is read-only by nature. What an
// image says about overlays in its extended attributes is not heard. Layers are plain names of ours,
// with nothing to escape.
struct UpperLayer {
  std::string directory, work;  // on one file system
};
Fd new_overlay(const std::vector<std::string>& lower, const std::optional<UpperLayer>& upper, std::uint64_t attributes);

// A detached copy of what is mounted at `path` below `at`, or at `at` itself when it is empty, with everything below
// it.
Fd clone_tree(int at, const std::string& path);

// Sets attributes on a whole (detached or attached) tree, into which nothing is mounted from elsewhere any more.
void restrict_tree(int tree, std::uint64_t attributes);

// Attaches a detached mount on `path`, a directory or, for a mount of one file, a file. A symlink in its last component
// is not followed, and is no directory; what stands before that is for the caller to own.
void attach(const Fd& mount, const std::string& path);

}  // namespace cordon
