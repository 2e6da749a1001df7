// A shorter seccomp program with the same answers. libseccomp compares a call's number with each number that has a
// rule; neighbours that are answered alike are one range here. The kernel translates the program anew for every
// sandbox, and what that costs goes with its length. Pure.
#pragma once

#include <string>
#include <string_view>

namespace cordon {

// `bpf`: an array of struct sock_filter that looks at the architecture, then the number, then the arguments, as
// libseccomp's do. One that does not, or whose jumps would become too long, comes back as it is.
std::string by_ranges(std::string_view bpf);

}  // namespace cordon
