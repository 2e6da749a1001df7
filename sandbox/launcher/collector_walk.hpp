// The collector's walk over a hostile directory tree for what a job's globs ask for.
// Runs in: the collector child, without rights.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"
#include "sandbox/launcher/hostile_tree.hpp"

namespace cordon {

// Sends the files of `root`/work that are asked for, and what is passed over; the note is for the end mark. Throws
// KernelError (the reader is gone).
std::string collect_files(int root, const std::vector<std::string>& globs, const CollectBounds& bounds,
                          FrameWriter& out);

}  // namespace cordon
