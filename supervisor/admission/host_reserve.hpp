// Whether another job can be started: admission slows before the kernel has to kill anything. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "profiles/admission_rules.hpp"
#include "supervisor/admission/claim.hpp"

namespace cordon {

// nullopt: the kernel did not say.
struct HostRoom {
  std::optional<std::uint64_t> memory_bytes;  // MemAvailable
  std::optional<std::uint64_t> pids;          // that could still be given out
  bool launcher = true;                       // it is there
  bool evidence = true;                       // it can be written
};

enum class Pressure { none, some, much };

// much: below the reserve, or no launcher. some: below twice the reserve. `what` is then what is missing.
Pressure pressure_of(const HostRoom& room, const HostReserve& reserve, std::string& what);

inline constexpr std::chrono::milliseconds slow_pace{250};  // between two starts under some pressure, and two looks

}  // namespace cordon
