// An imported image: one EROFS file, mounted once for all sandboxes. Runs in: launcher, as root.
#pragma once

#include <string>

#include "profiles/sha256.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

// A detached read-only mount of the file, when its bytes have this digest. Throws KernelError when they have not, or
// when others than root could change them afterwards. The loop device goes with the mount (loop(4),
// LO_FLAGS_AUTOCLEAR).
Fd mount_image_file(const std::string& path, const Sha256& digest);

}  // namespace cordon
