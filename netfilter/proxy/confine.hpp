// What this process gives up before it hears a byte of a job.
#pragma once

#include <cstdint>
#include <optional>

namespace cordon::egress {

struct Identity {
  std::uint32_t uid = 0, gid = 0;
};

// Started as root it becomes `identity`; else it must be without capabilities already. All capabilities and groups are
// gone then, for good, and read back. Throws std::system_error.
void give_up_rights(const std::optional<Identity>& identity);

// As many descriptors as the host lets us have.
void allow_many_files();

// From here on only what a proxy calls: no exec, no fork, and nothing that takes a path, so that there is no file
// system; sockets of AF_INET and AF_INET6 for TCP and UDP only. Another call is EPERM. Throws std::system_error.
void confine();

}  // namespace cordon::egress
