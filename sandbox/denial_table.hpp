// What pid 1 writes down about refused system calls, in memory that it shares with the per-sandbox launcher: so the
// record is complete however the job ends. The tool's process never has it mapped. Private to sandbox/.
#pragma once

#include <array>
#include <cstdint>

namespace cordon {

struct DenialRow {
  std::int32_t number = 0;     // of the system call, x86_64
  std::uint32_t examined = 0;  // bit i: the verdict depended on args[i]; calls that differ in these have their own rows
  std::array<std::uint64_t, 6> args{};  // of the first such call
  std::uint64_t count = 0;
};

struct DenialTable {
  std::uint64_t total = 0;  // exact, also when the rows are used up
  std::uint64_t used = 0;
  std::array<DenialRow, 63> rows{};  // together one page
};
static_assert(sizeof(DenialTable) <= 4096);

}  // namespace cordon
