// /proc/sys/user and nothing beside it, in a procfs that is attached nowhere: through it the tool's process writes the
// limits of its own user namespace (user_namespaces(7)); whose they are the kernel looks up by who opens them. Made
// once for all sandboxes: to let go of a mount costs an RCU grace period. Runs in: launcher, as root.
#pragma once

#include <string>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

// `place`: a name in a mount namespace of the launcher's own, used for a moment.
Fd make_namespace_limits(const std::string& place);

}  // namespace cordon
