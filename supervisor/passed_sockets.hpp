// The listening sockets that systemd has made for us (sd_listen_fds(3)), by the names that their units give them. Who
// may connect is then what the units say.
#pragma once

#include <map>
#include <string>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

using PassedSockets = std::map<std::string, Fd>;

// Once, at start. Throws KernelError for anything else than Unix stream sockets that listen.
PassedSockets take_passed_sockets();

}  // namespace cordon
