// What operators may configure about being told: when refusals are many, what they then trip, and where metrics are
// read. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/json_reader.hpp"

namespace cordon {

// So many denials of one control (a report's "denials") within so many seconds.
struct DenialThreshold {
  std::uint32_t count = 1000;
  std::uint32_t window_seconds = 60;
  bool operator==(const DenialThreshold&) const = default;
};

enum class TripScope : std::uint8_t { actor, tool };
std::string_view to_string(TripScope scope);

// Reaching the threshold engages the kill switch of whoever did.
struct TripRule {
  std::string control;  // seccomp, pids, network, …
  DenialThreshold at;
  TripScope scope = TripScope::actor;
  std::string reason;  // goes into the kill switch and into what refused clients read
  bool operator==(const TripRule&) const = default;
};

struct LoopbackAddress {
  std::string host;  // "127.0.0.1" or "::1": never one that others reach
  std::uint16_t port = 0;
  bool operator==(const LoopbackAddress&) const = default;
};
// "127.0.0.1:9464", "[::1]:9464"; nullopt: anything else.
std::optional<LoopbackAddress> parse_loopback(std::string_view text);

struct OperationsConfig {
  DenialThreshold denial_burst;
  std::vector<TripRule> trip_rules;
  std::optional<LoopbackAddress> metrics_listen;
};

// {"denial_burst": {"count", "window_seconds"}, "trip_rules": [{"control", "count", "window_seconds", "scope",
// "reason"}],
//  "metrics": {"listen": "127.0.0.1:9464"}}
void read_operations(ObjectReader& document, OperationsConfig& into, FieldErrors& errors);

}  // namespace cordon
