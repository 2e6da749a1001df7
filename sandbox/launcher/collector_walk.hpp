// The collector's walk over a hostile directory tree, by descriptors.
// Runs in: the collector child, without rights.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"

namespace cordon {

// Writes artifact frames to `out` until the end mark, or throws KernelError (the reader is gone).
void walk_and_stream(int work, const std::vector<std::string>& globs, const CollectBounds& bounds, int out);

}  // namespace cordon
