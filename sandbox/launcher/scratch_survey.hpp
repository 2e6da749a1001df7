// The collector's look over everything that a call of a tool has left in its scratch space, with digests: what its side
// effects are compared with (artifact_stream.hpp). Runs in: the collector child, without rights.
#pragma once

#include "sandbox/launcher/hostile_tree.hpp"

namespace cordon {

// Sends a line for each thing below `root`, and whether that is all. Files are read up to bounds: what lies behind them
// is told without its digest. Throws KernelError (the reader is gone).
void survey_scratch(int root, FrameWriter& out);

}  // namespace cordon
