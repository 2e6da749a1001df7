// What a commit to the journal survives.
#pragma once

namespace cordon {

// The end of this process, or that of the power as well: an fsync, which costs.
enum class Durability { process, power };

}  // namespace cordon
