#include "supervisor/admission/host_reserve.hpp"

#include <algorithm>

namespace cordon {
namespace {

Pressure pressure(const std::optional<std::uint64_t>& room, std::uint64_t reserve) {
  if (reserve == 0 || !room || *room / 2 >= reserve) return Pressure::none;
  return *room < reserve ? Pressure::much : Pressure::some;
}

}  // namespace

Pressure pressure_of(const HostRoom& room, const HostReserve& reserve, std::string& what) {
  if (!room.launcher) {
    what = "launcher";
    return Pressure::much;
  }
  if (!room.evidence) {
    what = "evidence";
    return Pressure::much;
  }
  const auto memory = pressure(room.memory_bytes, reserve.memory_bytes);
  const auto pids = pressure(room.pids, reserve.pids);
  what = memory >= pids ? "memory" : "pids";
  return std::max(memory, pids);
}

}  // namespace cordon
