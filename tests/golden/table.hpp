// What one seccomp policy answers to every system call, as a text that people review: one line a call, so that a
// changed profile is a small diff. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::test {

// All six arguments of a call are the same value. The second is what a filter compares as large and the kernel reads as
// 0.
struct ArgumentPattern {
  const char* name;
  std::uint64_t value;
};
inline constexpr std::array<ArgumentPattern, 3> argument_patterns{
    {{"zeros", 0}, {"high", 0xffffffff00000000}, {"ones", 0xffffffffffffffff}}};

struct Abi {
  const char* name;
  std::uint32_t audit_arch;
  std::uint32_t first;  // is added to the number
};
inline constexpr std::array<Abi, 3> abis{
    {{"native", 0xc000003e, 0}, {"x32", 0xc000003e, 0x40000000}, {"i386", 0x40000003, 0}}};
inline constexpr std::uint32_t calls_per_abi = 1024;

// Consecutive numbers; only those without a name, or of a foreign ABI, are taken together.
struct Row {
  std::string abi;
  std::uint32_t first = 0, last = 0;    // without the ABI's own first number
  std::string name;                     // "-": none that libseccomp knows
  std::array<std::string, 3> verdicts;  // of argument_patterns: ALLOW, KILL_PROCESS or the name of an errno
  bool operator==(const Row&) const = default;
};

std::string to_text(std::string_view policy, const std::vector<Row>& rows);
std::vector<Row> rows_of(std::string_view text);  // throws std::runtime_error at a line that is none

// "" when equal; else the lines that differ, with "-" for the reviewed and "+" for what is.
std::string difference(std::string_view reviewed, std::string_view is);

}  // namespace cordon::test
