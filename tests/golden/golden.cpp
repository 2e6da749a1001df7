// Promise (threats.md, "System calls"): what every system call is answered was reviewed, number by number.
#include <linux/seccomp.h>

#include <catch2/catch.hpp>

#include "sandbox/launcher/filter.hpp"
#include "tests/golden/policies.hpp"
#include "tests/unit/bpf_interpreter.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

// Every verdict of a table, whichever way its lines are taken together.
template <typename Check>
void for_each_verdict(const std::string& policy, Check check) {
  for (const auto& row : rows_of(read_source(golden_file(policy))))
    for (auto number = row.first; number <= row.last; ++number)
      for (const auto& verdict : row.verdicts) check(row, number, verdict);
}

}  // namespace

TEST_CASE("every system call is answered as the reviewed table of its policy says", "[threat:dangerous-calls]") {
  for (const auto& [name, policy] : shipped_policies()) {
    std::string reviewed;
    CHECK_NOTHROW(reviewed = read_source(golden_file(name)));
    const auto differs = difference(reviewed, to_text(name, golden_rows(compile_filter(policy).bpf)));
    if (!differs.empty()) {
      FAIL_CHECK(golden_file(name) << " is not what the profile answers:\n"
                                   << differs << "If that is meant: build/dev/bin/write_golden_tables");
    }
  }
}

TEST_CASE("the tables hold a verdict for 1024 numbers, three argument patterns and three ABIs, none of them twice") {
  for (const auto& shipped : shipped_policies()) {
    const auto& name = shipped.first;
    CAPTURE(name);
    std::map<std::pair<std::string, std::uint32_t>, int> verdicts;
    for_each_verdict(name, [&](const Row& row, std::uint32_t number, const std::string&) {
      ++verdicts[{row.abi, number}];
    });
    CHECK(verdicts.size() == abis.size() * calls_per_abi);
    for (const auto& [call, count] : verdicts) CHECK(count == 3);
  }
}

TEST_CASE("no call of a foreign ABI is answered but by the end of the process", "[threat:foreign-abi]") {
  for (const auto& shipped : shipped_policies()) {
    const auto& name = shipped.first;
    for_each_verdict(name, [&](const Row& row, std::uint32_t number, const std::string& verdict) {
      CAPTURE(name, row.abi, number);
      if (row.abi != "native") CHECK(verdict == "KILL_PROCESS");
    });
  }
}

TEST_CASE("what a sandbox loads says the same, but for the refusals that pid 1 writes down and gives itself",
          "[threat:notify-races]") {
  for (const auto& shipped : shipped_policies()) {
    CAPTURE(shipped.first);
    const auto filter = compile_filter(shipped.second);
    std::size_t recorded = 0;
    for (const auto& abi : abis) {
      for (std::uint32_t number = 0; number < calls_per_abi; ++number) {
        for (const auto& [pattern, v] : argument_patterns) {
          const Call call{abi.first + number, {v, v, v, v, v, v}, abi.audit_arch};
          const auto answers = verdict(filter.bpf, call), loaded = verdict(filter.recording, call);
          const bool is_recorded = loaded == SECCOMP_RET_USER_NOTIF;
          recorded += is_recorded ? 1 : 0;
          CAPTURE(call.number, pattern);
          if (is_recorded) CHECK((answers & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
          if (!is_recorded) CHECK(loaded == answers);
        }
      }
    }
    CHECK(recorded > calls_per_abi);
  }
}

TEST_CASE("the golden tables notice one changed rule, and name it") {
  auto policy = shipped_policies().at("strict");
  const auto before = to_text("strict", golden_rows(compile_filter(policy).bpf));
  policy.rules.push_back({{"splice"}, {SeccompVerdict::allow, 0}, {}, "a mistake"});
  const auto differs = difference(before, to_text("strict", golden_rows(compile_filter(policy).bpf)));
  CHECK(differs ==
        "- native      275 splice                   ENOSYS\n+ native      275 splice                   ALLOW\n");
}
