// An image as one job sees it: overlays of its own, so that its inodes are nobody else's. A lock, a watch or a FIFO on
// a file of the image reaches no other job and not the host; the pages behind the files are shared. Runs in: the
// sandbox's first process, as root, with the scratch at its place.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/launcher/images.hpp"

namespace cordon {

// Read-only, at the place for the root.
void attach_image(const Images& images, const std::string& name);

// Likewise, with upper layers on the job's own scratch: what it writes counts against its limits and ends with it, and
// the image below is never written. The directories into which root installs things belong to `owner`; those of the
// image itself to ids that do not exist inside.
void attach_writable_image(const Images& images, const std::string& name, std::uint32_t owner);

}  // namespace cordon
