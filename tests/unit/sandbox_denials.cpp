// What pid 1 writes down about refused calls, and what a person reads of it.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <catch2/catch.hpp>

#include "sandbox/init/notifications.hpp"
#include "sandbox/kernel/bpf.hpp"
#include "sandbox/launcher/seccomp_denials.hpp"

namespace cordon {
namespace {

const std::vector<std::string> names{"read", "socket", "bpf"};

DenialRow call(std::int32_t number, std::uint32_t examined, std::array<std::uint64_t, 6> args) {
  return {number, examined, args, 0};
}

TEST_CASE("calls that differ only in what the verdict did not depend on are one row with a count") {
  DenialTable table;
  for (std::uint64_t type = 0; type < 5; ++type) write_down(table, call(1, 1, {40, type}));
  write_down(table, call(1, 1, {38, 5}));
  write_down(table, call(2, 0, {9, 0x7fff0000}));
  write_down(table, call(2, 0, {8, 0x7fff0001}));
  CHECK(describe(table, names) == std::vector<Denial>{{"seccomp", 5, "socket(AF_VSOCK, …)"},
                                                      {"seccomp", 1, "socket(AF_ALG, …)"},
                                                      {"seccomp", 2, "bpf(9, 0x7fff0000)"}});
}

TEST_CASE("a flood of different calls fills no more than the table, and every one is counted") {
  DenialTable table;
  for (std::uint64_t i = 0; i < 100'000; ++i) write_down(table, call(1, 1, {i}));
  const auto denials = describe(table, names);
  CHECK(denials.size() == table.rows.size() + 1);
  CHECK(denials.back() == Denial{"seccomp", 100'000 - table.rows.size(), "other calls"});
}

TEST_CASE("a table that says more than it can hold is read within its bounds") {
  DenialTable table;
  table.used = ~std::uint64_t{0};
  CHECK(describe(table, names).size() == table.rows.size());
}

TEST_CASE("a call without a name is told by its number, and arguments in between that do not matter by dots") {
  DenialTable table;
  write_down(table, call(999, 0, {}));
  write_down(table, call(-1, 0, {}));
  write_down(table, call(0, 0b100, {1, 2, 30}));
  const auto denials = describe(table, names);
  CHECK(denials.at(0).detail == "syscall 999()");
  CHECK(denials.at(1).detail == "syscall -1()");
  CHECK(denials.at(2).detail == "read(…, …, 0x1e, …)");
}

TEST_CASE("a program that the kernel would not load is not run") {
  const auto program = [](std::initializer_list<sock_filter> ops) {
    return std::string(reinterpret_cast<const char*>(ops.begin()), ops.size() * sizeof(sock_filter));
  };
  const seccomp_data data{};
  CHECK_THROWS(evaluate("", data));
  CHECK_THROWS(evaluate("1234567", data));
  CHECK_THROWS(evaluate(program({{BPF_JMP | BPF_JA, 0, 0, 0xffffffff}}), data));
  CHECK_THROWS(evaluate(program({{BPF_LD | BPF_W | BPF_ABS, 0, 0, sizeof data}}), data));
  CHECK_THROWS(evaluate(program({{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0xffffffff}}), data));
  CHECK_THROWS(evaluate(program({{BPF_LD | BPF_IMM, 0, 0, 1}}), data));
}

}  // namespace
}  // namespace cordon
