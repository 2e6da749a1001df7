#include "profiles/seccomp_comparisons.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace cordon;

namespace {

constexpr SeccompCompare every_op[] = {SeccompCompare::ne,       SeccompCompare::lt, SeccompCompare::le,
                                       SeccompCompare::eq,       SeccompCompare::ge, SeccompCompare::gt,
                                       SeccompCompare::masked_eq};
constexpr std::uint64_t values[] = {0, 1, 2, 39, 40, 41, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

// As libseccomp compares.
bool holds(const SeccompArg& arg, std::uint64_t x) {
  switch (arg.op) {
    case SeccompCompare::ne:
      return x != arg.value;
    case SeccompCompare::lt:
      return x < arg.value;
    case SeccompCompare::le:
      return x <= arg.value;
    case SeccompCompare::eq:
      return x == arg.value;
    case SeccompCompare::ge:
      return x >= arg.value;
    case SeccompCompare::gt:
      return x > arg.value;
    case SeccompCompare::masked_eq:
      return (x & arg.value) == arg.value_two;
  }
  return false;
}

bool any_holds(const Comparisons& comparisons, std::uint64_t x) {
  return std::any_of(comparisons.alternatives.begin(), comparisons.alternatives.end(), [&](const auto& args) {
    return std::all_of(args.begin(), args.end(), [&](const SeccompArg& arg) { return holds(arg, x); });
  });
}

SeccompRule rule_of(SeccompVerdict verdict, std::vector<SeccompArg> args) {
  return {{"kill"}, {verdict, 1}, std::move(args), ""};
}

Comparisons made_for(std::string_view call, const SeccompRule& rule) {
  auto made = on_what_the_kernel_reads(call, rule);
  REQUIRE(made);
  return *made;
}

// Calls `check` with every comparison, low half and high half that matter.
template <typename Check>
void for_each_case(Check check) {
  for (const auto op : every_op) {
    for (const auto value : values) {
      const auto mask = op == SeccompCompare::masked_eq ? std::uint64_t{0xff} : value;
      const SeccompArg arg{1, op, mask, value & 0xff};
      for (const auto low : values) {
        for (const std::uint64_t high : {0ull, 1ull, 0x80000000ull, 0xffffffffull}) {
          CAPTURE(static_cast<int>(op), value, low, high);
          check(arg, low, high << 32);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("a rule that permits is reached by no value that its high bits smuggle past the comparison",
          "[threat:range-rules]") {
  for_each_case([](const SeccompArg& arg, std::uint64_t low, std::uint64_t high) {
    const auto made = made_for("kill", rule_of(SeccompVerdict::allow, {arg}));
    if (any_holds(made, high | low)) CHECK(holds(arg, low));  // what the kernel will see
  });
}

TEST_CASE("a rule that permits still permits every 32-bit value that it names") {
  for_each_case([](const SeccompArg& arg, std::uint64_t low, std::uint64_t high) {
    if (high != 0 || !holds(arg, low)) return;
    CHECK(any_holds(made_for("kill", rule_of(SeccompVerdict::allow, {arg})), low));
  });
}

TEST_CASE("no value escapes a rule that refuses by its high bits", "[threat:range-rules]") {
  for_each_case([](const SeccompArg& arg, std::uint64_t low, std::uint64_t high) {
    if (!holds(arg, low)) return;
    CHECK(any_holds(made_for("kill", rule_of(SeccompVerdict::kill_process, {arg})), high | low));
  });
}

TEST_CASE("a rule that refuses leaves 32-bit values alone that it does not name") {
  for_each_case([](const SeccompArg& arg, std::uint64_t low, std::uint64_t high) {
    if (high != 0 || holds(arg, low)) return;
    CHECK_FALSE(any_holds(made_for("kill", rule_of(SeccompVerdict::errno_value, {arg})), low));
  });
}

TEST_CASE("a range of socket families becomes the three that are known to be safe", "[threat:range-rules]") {
  const auto made = [](const SeccompArg& arg) { return made_for("socket", rule_of(SeccompVerdict::allow, {arg})); };
  const auto not_vsock = made({0, SeccompCompare::ne, 40, 0});
  for (std::uint64_t family = 0; family < 64; ++family) {
    CAPTURE(family);
    CHECK(any_holds(not_vsock, family) == (family == 1 || family == 2 || family == 10));
    CHECK_FALSE(any_holds(not_vsock, family | 1ull << 32));
  }
  CHECK(not_vsock.changes.size() == 1);
  CHECK_FALSE(any_holds(made({0, SeccompCompare::lt, 10, 0}), 10));
  CHECK(made({0, SeccompCompare::gt, 40, 0}).alternatives.empty());
}

TEST_CASE("comparisons of different arguments must all hold, of one argument any") {
  const SeccompArg a{0, SeccompCompare::eq, 1, 0}, b{1, SeccompCompare::eq, 2, 0}, c{0, SeccompCompare::eq, 3, 0};
  using Lists = std::vector<std::vector<SeccompArg>>;
  const auto of = [](std::vector<SeccompArg> args) {
    return made_for("kill", rule_of(SeccompVerdict::allow, std::move(args)));
  };
  CHECK(of({a, b}).alternatives == Lists{{a, b}});
  CHECK(of({a, c}).alternatives == Lists{{a}, {c}});
  CHECK(of({}).alternatives == Lists{{}});
  CHECK(of({a, b}).changes.empty());
}

TEST_CASE("a rule of too many alternatives is given up before it fills the memory") {
  SeccompRule rule = rule_of(SeccompVerdict::allow, {});
  for (std::uint32_t i = 0; i < 6; ++i) rule.args.push_back({i, SeccompCompare::ne, 12345, 0});
  CHECK_FALSE(on_what_the_kernel_reads("kill", rule));
}

TEST_CASE("what of a policy is made stricter is told once for each call, and nothing of rules that say nothing",
          "[threat:range-rules]") {
  const SeccompArg not_vsock{0, SeccompCompare::ne, 40, 0}, exact{0, SeccompCompare::eq, 2, 0};
  const SeccompAction allow{SeccompVerdict::allow};
  SeccompPolicy policy;
  policy.rules = {{{"socket", "dup3"}, allow, {not_vsock}, ""},
                  {{"socket"}, allow, {not_vsock}, ""},
                  {{"kill"}, allow, {exact}, ""},
                  {{"ioctl"}, policy.default_action, {exact}, ""}};
  CHECK(narrowings(policy) == std::vector<std::string>{"socket: argument 0 may only be AF_UNIX, AF_INET or AF_INET6",
                                                       "dup3: argument 0 must fit in 32 bits"});
}
