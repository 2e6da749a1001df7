// Loads a finished filter, an array of sock_filter, into this process (seccomp(2)). Needs no_new_privs.
#pragma once

#include <string>

namespace cordon {

void load_filter(const std::string& filter);

}  // namespace cordon
