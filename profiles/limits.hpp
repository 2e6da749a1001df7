// What one job may use. One vocabulary for API, profiles, reports and docs; units are in the names.
// Source: api.md "Jobs"; the minimum of each limit is 1 because tmpfs reads size=0 and nr_inodes=0 as
// "unlimited" (tmpfs(5)), and memory below 16 MiB cannot hold a sandbox.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cordon {

struct Limits {
  std::uint64_t wall_ms = 0;         // CLOCK_BOOTTIME, from the start of the tool
  std::uint64_t cpu_ms = 0;          // user + system of everything in the sandbox
  std::uint64_t cpus_milli = 0;      // bandwidth; "cpus": 1.5 in JSON is 1500 here
  std::uint64_t memory_bytes = 0;    // scratch is charged to it too; swap is 0
  std::uint64_t pids = 0;            // processes and threads of the tool, without pid 1
  std::uint64_t output_bytes = 0;    // kept per stream
  std::uint64_t scratch_bytes = 0;   // /work, /tmp and /dev/shm together
  std::uint64_t scratch_inodes = 0;  // likewise
  std::uint64_t file_bytes = 0;      // largest single file (RLIMIT_FSIZE)
  std::uint64_t open_files = 0;      // per process (RLIMIT_NOFILE)

  bool operator==(const Limits&) const = default;
};

struct LimitField {
  std::string_view name;  // as in JSON
  std::uint64_t Limits::*member;
  std::uint64_t min;
  std::uint64_t max;  // what any profile may ask for; keeps all later arithmetic far from wrapping
};

inline constexpr std::uint64_t max_bytes = std::uint64_t{1} << 50;
inline constexpr std::uint64_t max_ms = std::uint64_t{30} * 24 * 3600 * 1000;
inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t memory_beside_scratch = std::uint64_t{16} << 20;

inline constexpr std::array<LimitField, 10> limit_fields{{
    {"wall_ms", &Limits::wall_ms, 1, max_ms},
    {"cpu_ms", &Limits::cpu_ms, 1, max_ms},
    {"cpus", &Limits::cpus_milli, 1, 1'024'000},
    {"memory_bytes", &Limits::memory_bytes, std::uint64_t{16} << 20, max_bytes},
    {"pids", &Limits::pids, 1, 4'000'000},
    {"output_bytes", &Limits::output_bytes, 1, std::uint64_t{1} << 30},
    {"scratch_bytes", &Limits::scratch_bytes, page_bytes, max_bytes},
    {"scratch_inodes", &Limits::scratch_inodes, 1, std::uint64_t{1} << 31},
    {"file_bytes", &Limits::file_bytes, 1, max_bytes},
    {"open_files", &Limits::open_files, 1, 1'000'000},
}};

// Scratch is charged to memory; only the least scratch stands beside the least memory.
constexpr bool scratch_fits(const Limits& limits) {
  return limits.scratch_bytes == page_bytes || limits.scratch_bytes + memory_beside_scratch <= limits.memory_bytes;
}

}  // namespace cordon
