// An image that a job with root inside may change for itself: overlays whose upper layer lies on the job's own scratch,
// so what it writes counts against its limits and ends with it. The image below is never written.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/launcher/images.hpp"

namespace cordon {

// At the place for the root, with the scratch at its own. The directories into which root installs things belong to
// `owner` in the upper layers; those of the image below belong to ids that do not exist inside.
// Runs in: the sandbox's first process, as root.
void attach_writable_image(const Images& stage, const std::string& image, std::uint32_t owner);

}  // namespace cordon
