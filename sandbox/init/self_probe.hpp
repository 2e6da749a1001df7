// Tries what the sandbox must refuse, from inside, just before the tool starts (threats.md: "the filter is missing on
// one path"). Every launch runs it; it is the last thing that can stop one. Runs in: the sandbox, as the tool will run.
#pragma once

#include <cstdint>

namespace cordon {

// How many attempts were refused: all of them. Throws KernelError naming the first that was not.
std::uint32_t probe_confinement();

}  // namespace cordon
