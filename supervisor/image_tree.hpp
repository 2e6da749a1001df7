// Is a program there in an image? Looked up beneath the image's root, never through its symlinks to the outside.
#pragma once

#include <string>

#include "profiles/config.hpp"

namespace cordon {

// True also when it cannot be told (no right to look): then the job itself will say.
bool image_has(const ImageConfig& image, const std::string& absolute_path);

}  // namespace cordon
