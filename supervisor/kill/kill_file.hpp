// The kill switch on disk: STATE/daemon/kill.json, small, replaced as a whole.
#pragma once

#include <string>
#include <string_view>

#include "supervisor/kill/kill_switch.hpp"

namespace cordon {

// What stands in it; nothing is engaged when there is none. Throws KernelError when it cannot be read or understood:
// what was engaged is then not known.
KillSwitch load_kill_switch(const std::string& path);

// Returns once it would survive a loss of power: a new file, fsync, rename, fsync of the directory. Throws KernelError.
void save_kill_switch(const std::string& path, const KillSwitch& state);

// The pure parts.
std::string kill_switch_text(const KillSwitch& state);
KillSwitch parse_kill_switch(std::string_view text);  // throws KernelError

}  // namespace cordon
