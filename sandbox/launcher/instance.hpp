// Who is who in one instance: the ids of the daemon, the socket groups and the jobs. An installed instance has named
// users; a private one needs none and holds a lock on a block of 4,096 ids instead (decisions.md, "Identities and
// instances"). Runs in: launcher, as root.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "profiles/config.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

struct Instance {
  std::string name;  // "system", or "p" and the number of the block
  std::uint32_t daemon_uid = 0, daemon_gid = 0;
  std::uint32_t agent_gid = 0, operator_gid = 0;
  std::optional<std::uint32_t> ledger_uid, ledger_gid;  // nullopt: no evidence is kept
  std::uint32_t egress_uid = 0, egress_gid = 0;         // 0: there is no such user here, and so no egress
  std::uint32_t first_uid = 0, uid_count = 0;
  Fd lock;  // held as long as the launcher lives
};

Instance installed_instance(const Config& config);
// With the ids that own what an earlier launcher left in this state directory; in a new one with ids that nobody has.
Instance private_instance(const std::string& state, bool evidence);

// The runtime and state directories, with their owners; for a private instance also RUNTIME/instance.env.
void prepare_directories(const Instance& instance, const std::string& runtime, const std::string& state);
void write_instance_file(const Instance& instance, const std::string& runtime);

}  // namespace cordon
