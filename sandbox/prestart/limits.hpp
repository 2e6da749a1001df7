// Limits that an interpreter reads while it starts: they have to be the job's already. Both who holds one and who asks
// for one see to that, for the interpreter itself cannot. Pure.
#pragma once

#include "profiles/limits.hpp"
#include "sandbox/prestart/eligible.hpp"

namespace cordon::prestart {

// Why not; nullptr when it may. Node sizes its heap by the memory and its pools by the processors; python reads none.
inline const char* why_not(Language language, const Limits& started_with, const Limits& wanted) {
  const bool same = started_with.memory_bytes == wanted.memory_bytes && started_with.cpus_milli == wanted.cpus_milli;
  return language == Language::node && !same ? "other limits than it was started with" : nullptr;
}

}  // namespace cordon::prestart
