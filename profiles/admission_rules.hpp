// Who may take how much of an instance ("admission" in cordon.json). What is not set is not limited. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/actors.hpp"
#include "profiles/json_reader.hpp"

namespace cordon {

enum class Resource : std::uint8_t { cpu, jobs, output, artifacts };
enum class Window : std::uint8_t { hour, day };

struct ResourceField {
  std::string_view name;  // as in JSON
  std::uint64_t unit;     // of JSON, in what is counted: microseconds in a second
};
inline constexpr std::array<ResourceField, 4> resource_fields{
    // in the order of Resource
    {{"cpu_seconds", 1'000'000}, {"jobs", 1}, {"output_bytes", 1}, {"artifact_bytes", 1}}};

struct WindowField {
  std::string_view name;
  std::chrono::seconds length;
};
inline constexpr std::array<WindowField, 2> window_fields{
    {{"per_hour", std::chrono::hours(1)}, {"per_day", std::chrono::hours(24)}}};

constexpr const ResourceField& field_of(Resource resource) {
  return resource_fields[static_cast<std::size_t>(resource)];
}
constexpr const WindowField& field_of(Window window) {
  return window_fields[static_cast<std::size_t>(window)];
}

struct Rate {
  std::uint64_t milli_per_second = 0;  // "jobs_per_second": 0.5 is 500 here
  std::uint64_t burst = 1;             // jobs at once after a long pause
  bool operator==(const Rate&) const = default;
};

struct BudgetRule {
  Resource resource = Resource::jobs;
  Window window = Window::hour;
  std::uint64_t limit = 0;  // microseconds of CPU, jobs, bytes
  bool operator==(const BudgetRule&) const = default;
};

// Of one tenant, actor, tool or profile.
struct Allowance {
  std::uint32_t weight = 1;  // tenants only: how many shares it has when several wait
  std::optional<std::uint32_t> max_running, max_queued;
  std::optional<Rate> rate;
  std::vector<BudgetRule> budgets;
};
using Allowances = std::map<std::string, Allowance>;  // "*": each one that is not named

// Admission slows before the kernel has to kill. 0: not watched.
struct HostReserve {
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;  // of MemAvailable in /proc/meminfo (proc(5))
  std::uint64_t pids = 512;                               // that the kernel could still give out
};

struct CircuitRule {
  std::uint32_t jobs = 0;  // 0: off
  std::chrono::seconds within{60};
  bool operator==(const CircuitRule&) const = default;
};

// What is taken for a runaway loop of one actor on one tool or profile.
struct BreakerRules {
  CircuitRule identical{0, std::chrono::seconds(60)};             // one body submitted, whatever became of it
  CircuitRule identical_failures{100, std::chrono::seconds(60)};  // one body failed, and never succeeded meanwhile
  CircuitRule failures{
      100, std::chrono::seconds(60)};  // timed out, crashed, out of memory…, and nothing succeeded meanwhile
  std::chrono::seconds open{30};       // then one job is let through for a trial
};

struct AdmissionRules {
  Allowances tenants, actors, tools, profiles;
  HostReserve reserve;
  BreakerRules breaker;
};

// "max_running", "max_queued", "rate" and "budgets" of any object.
void read_allowance(ObjectReader& object, Allowance& into, FieldErrors& errors);
// What both allow.
Allowance meet(const Allowance& a, const Allowance& b);

// "admission": {"tenants", "actors", "tools", "profiles": {NAME or "*": {"weight", "max_running", "max_queued",
//   "rate": {"jobs_per_second", "burst"}, "budgets": {RESOURCE: {"per_hour", "per_day"}}}},
//  "host_reserve": {"memory_bytes", "pids"},
//  "circuit_breaker": "off" or {"identical", "identical_failures", "failures": "off" or {"jobs", "seconds"},
//  "open_seconds"}}
// A tenant or an actor that nobody is, is an error.
void read_admission(ObjectReader& document, const ActorsConfig& actors, AdmissionRules& into, FieldErrors& errors);

}  // namespace cordon
