// Giving up rights, one function per kind; each throws KernelError when the kernel does not agree that it is gone.
// Runs in: the sandbox, as root until the last of them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/init_plan.hpp"

namespace cordon {

using ReadBack = std::vector<std::pair<std::string, std::string>>;

// max_*_namespaces = 0 in this process's user namespace, through the unattached procfs; read back (user_namespaces(7)).
ReadBack forbid_new_namespaces(int procfs);

// Needs the capabilities still.
void take_identity(std::uint32_t id);  // no groups, gid, uid: real, effective, saved; read back
void join_new_session_keyring();       // keyctl(2)
void forbid_new_privileges();          // PR_SET_NO_NEW_PRIVS
// Bounding and ambient sets empty, securebits locked: nothing can come back, and no uid change moves a capability.
void bound_capabilities();
void empty_capabilities();  // effective, permitted, inheritable; read back (capabilities(7))
void set_resource_limits(const std::vector<ResourceLimit>& limits);
void die_with_parent();  // after the uid change, which clears it (PR_SET_PDEATHSIG)
void keep_only(int fd);  // closes every other descriptor

// What pid 1 does once the tool's process is forked.
void give_up_everything(std::uint32_t uid);

}  // namespace cordon
