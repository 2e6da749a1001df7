// Users and groups by name, as the host knows them (nsswitch.conf(5)). This program is linked statically, and a static
// glibc cannot ask the host's name services in its own process (getpwnam(3)): getent(1) does.
// Runs in: the resident launcher, at its start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cordon {

struct Account {
  std::uint32_t uid = 0, gid = 0;  // its own, and of its primary group
};

std::optional<Account> find_user_if_there(const std::string& name);
// Both throw KernelError: no such name, or getent cannot be run.
Account find_user(const std::string& name);
std::uint32_t find_group(const std::string& name);

}  // namespace cordon
