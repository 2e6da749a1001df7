// Giving up rights, one function per kind; each throws KernelError when the kernel does not agree that it is gone.
// Runs in: the sandbox, as root until the last of them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

using ReadBack = std::vector<std::pair<std::string, std::string>>;

// max_*_namespaces = 0 in this process's user namespace, in /proc/sys/user; read back (user_namespaces(7)).
ReadBack forbid_new_namespaces(const Fd& limits);

// Needs the capabilities still.
void take_identity(std::uint32_t id);  // no groups, gid, uid: real, effective, saved; read back
void join_new_session_keyring();       // keyctl(2)
void forbid_new_privileges();          // PR_SET_NO_NEW_PRIVS
// Sets of capabilities: bit n is capability n (capabilities(7)). First the bounding set is cut down to `kept`, and no
// uid change moves a capability any more; then all five sets are made `kept`, read back, and the ambient set is locked.
void bound_capabilities(std::uint64_t kept);
void reduce_capabilities(std::uint64_t kept);
void set_resource_limits(const std::vector<ResourceLimit>& limits);
void die_with_parent();  // after the uid change, which clears it (PR_SET_PDEATHSIG)
// Closes every other descriptor, in a table of this process's own; `fds` in rising order.
void keep_only(const std::vector<int>& fds);

// What pid 1 does once the tool's process is forked, but for its descriptors and its filter.
void give_up_everything(std::uint32_t uid);

}  // namespace cordon
