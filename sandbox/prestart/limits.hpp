// Limits that an interpreter reads while it starts have to be the job's already, and those that it meets while it
// starts may not be below what it took. Both who holds one and who asks for one see to that, for the interpreter itself
// cannot. Pure.
#pragma once

#include "profiles/limits.hpp"
#include "sandbox/prestart/eligible.hpp"

namespace cordon::prestart {

// Below these a fresh one fails to start, or starts otherwise; one that waited has its threads and descriptors already.
struct LeastLimits {
  std::uint64_t pids, open_files;
};
inline constexpr LeastLimits least_of(Language language) {
  return language == Language::node ? LeastLimits{16, 64} : LeastLimits{1, 16};
}

// Why not; nullptr when it may. Node sizes its heap by the memory and its pools by the processors; python reads none.
inline const char* why_not(Language language, const Limits& started_with, const Limits& wanted) {
  const auto least = least_of(language);
  if (wanted.pids < least.pids || wanted.open_files < least.open_files) return "limits that its start may meet";
  const bool same = started_with.memory_bytes == wanted.memory_bytes && started_with.cpus_milli == wanted.cpus_milli;
  return language == Language::node && !same ? "other limits than it was started with" : nullptr;
}

}  // namespace cordon::prestart
