#include "profiles/seccomp_comparisons.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace cordon {
namespace {

constexpr std::uint64_t low_32_bits = 0xffffffff;
constexpr std::array<std::uint64_t, 3> safe_families{1, 2, 10};  // AF_UNIX, AF_INET, AF_INET6 (socket(2))

struct Span {
  std::uint64_t first, last;  // both in it
};

// What lies in the 32-bit numbers; nothing when first > last.
std::vector<Span> spans_of(const SeccompArg& arg) {
  const auto v = arg.value;
  const auto beyond = low_32_bits + 1;
  const auto next = std::min(v, low_32_bits) + 1;
  std::vector<Span> spans;
  const auto add = [&](std::uint64_t first, std::uint64_t end) {
    if (first < end) spans.push_back({first, end - 1});
  };
  switch (arg.op) {
    case SeccompCompare::lt:
      add(0, std::min(v, beyond));
      break;
    case SeccompCompare::le:
      add(0, next);
      break;
    case SeccompCompare::ge:
      add(std::min(v, beyond), beyond);
      break;
    case SeccompCompare::gt:
      add(next, beyond);
      break;
    case SeccompCompare::ne:
      add(0, std::min(v, beyond));
      add(next, beyond);
      break;
    case SeccompCompare::eq:
    case SeccompCompare::masked_eq:
      break;  // need no spans
  }
  return spans;
}

// A span as aligned blocks of a power of two, each of which is one masked comparison.
void add_blocks(const Span& span, std::uint32_t index, std::uint64_t high_mask, std::vector<SeccompArg>& out) {
  for (auto first = span.first; first <= span.last;) {
    std::uint64_t size = 1;
    while (size <= low_32_bits && first % (size * 2) == 0 && first + size * 2 - 1 <= span.last) size *= 2;
    const auto mask = high_mask | (low_32_bits & ~(size - 1));
    out.push_back({index, SeccompCompare::masked_eq, mask, first});
    first += size;
  }
}

std::vector<SeccompArg> blocks_of(const SeccompArg& arg, std::uint64_t high_mask) {
  std::vector<SeccompArg> out;
  for (const auto& span : spans_of(arg)) add_blocks(span, arg.index, high_mask, out);
  return out;
}

bool holds(const SeccompArg& arg, std::uint64_t value) {
  const auto spans = spans_of(arg);
  return std::any_of(spans.begin(), spans.end(), [&](const Span& s) { return s.first <= value && value <= s.last; });
}

bool is_range(SeccompCompare op) {
  return op != SeccompCompare::eq && op != SeccompCompare::masked_eq;
}

bool names_a_family(std::string_view call, const SeccompArg& arg) {
  return arg.index == 0 && (call == "socket" || call == "socketpair");
}

std::vector<SeccompArg> permitted(std::string_view call, const SeccompArg& arg) {
  if (!is_range(arg.op)) return {arg};
  if (names_a_family(call, arg)) {
    std::vector<SeccompArg> out;
    for (const auto family : safe_families) {
      if (holds(arg, family)) out.push_back({0, SeccompCompare::eq, family, 0});
    }
    return out;
  }
  // "less than" already means that the high bits are zero, or that every 32-bit value is permitted.
  if (arg.op == SeccompCompare::lt || arg.op == SeccompCompare::le) return {arg};
  return blocks_of(arg, ~low_32_bits);
}

std::vector<SeccompArg> refused(const SeccompArg& arg) {
  switch (arg.op) {
    case SeccompCompare::eq:
      return {{arg.index, SeccompCompare::masked_eq, low_32_bits, arg.value & low_32_bits}};
    case SeccompCompare::masked_eq:
      return {{arg.index, arg.op, arg.value & low_32_bits, arg.value_two & arg.value & low_32_bits}};
    case SeccompCompare::lt:
    case SeccompCompare::le:
      return blocks_of(arg, 0);
    case SeccompCompare::ne:
    case SeccompCompare::ge:
    case SeccompCompare::gt:
      return {arg};  // high bits only make these truer
  }
  return {arg};
}

std::string change_line(std::string_view call, const SeccompArg& arg, bool permits) {
  const auto what = std::string(call) + ": argument " + std::to_string(arg.index);
  if (permits && names_a_family(call, arg)) return what + " may only be AF_UNIX, AF_INET or AF_INET6";
  return what + (permits ? " must fit in 32 bits" : " is compared on its low 32 bits");
}

bool permits(const SeccompAction& action) {
  return action.verdict == SeccompVerdict::allow || action.verdict == SeccompVerdict::log;
}

}  // namespace

std::optional<Comparisons> on_what_the_kernel_reads(std::string_view call, const SeccompRule& rule) {
  Comparisons out;
  const bool permitting = permits(rule.action);
  const bool are_alternatives = rule.args.size() > 1 && rule.args[0].index == rule.args[1].index;
  if (!are_alternatives) out.alternatives.emplace_back();
  for (const auto& arg : rule.args) {
    const auto choices = permitting ? permitted(call, arg) : refused(arg);
    if (choices != std::vector{arg}) out.changes.push_back(change_line(call, arg, permitting));
    if (are_alternatives) {
      for (const auto& choice : choices) out.alternatives.push_back({choice});
      continue;
    }
    if (out.alternatives.size() * choices.size() > max_alternatives) return std::nullopt;
    std::vector<std::vector<SeccompArg>> longer;
    for (const auto& so_far : out.alternatives) {
      for (const auto& choice : choices) {
        longer.push_back(so_far);
        longer.back().push_back(choice);
      }
    }
    out.alternatives = std::move(longer);
  }
  return out;
}

std::vector<std::string> narrowings(const SeccompPolicy& policy) {
  std::vector<std::string> lines;
  for (const auto& rule : policy.rules) {
    if (rule.action == policy.default_action) continue;  // says nothing: no rule is made of it
    for (const auto& name : rule.names) {
      const auto made = on_what_the_kernel_reads(name, rule);
      if (!made) continue;  // too long for any filter: a launcher refuses the profile
      for (const auto& line : made->changes)
        if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  }
  return lines;
}

}  // namespace cordon
