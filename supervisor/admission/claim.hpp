// On whose account a job is, what of, and which limits it comes under. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

using SteadyTime = std::chrono::steady_clock::time_point;

// What a job took, or may take at most.
struct Spend {
  std::uint64_t cpu_us = 0;
  std::uint64_t output_bytes = 0;    // both streams
  std::uint64_t artifact_bytes = 0;  // collected
  bool operator==(const Spend&) const = default;
};

struct Claim {
  std::string actor, tenant, tool, profile;  // no tenant: an actor that the configuration denies
  std::uint64_t input_bytes = 0;             // held in memory while it waits
  Spend at_most = {};
  std::uint64_t body = 0;  // fingerprint of what was submitted; 0: not known
};

enum class ScopeKind : std::uint8_t { tenant, actor, tool, profile };
std::string_view to_string(ScopeKind kind);

struct LimitScope {
  ScopeKind kind = ScopeKind::tenant;
  std::string name;
  auto operator<=>(const LimitScope&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
};
std::vector<LimitScope> scopes_of(const Claim& claim);

}  // namespace cordon
