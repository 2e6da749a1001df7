// Loads a finished filter, an array of sock_filter, into this process (seccomp(2)). Needs no_new_privs.
#pragma once

#include <string>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

void load_filter(const std::string& filter);

// Likewise; the descriptor answers what the filter hands on (SECCOMP_RET_USER_NOTIF). A call that is being answered is
// disturbed by deadly signals only.
Fd load_filter_with_listener(const std::string& filter);

}  // namespace cordon
