// Promise (style.md, "no rule is superfluous"): each rule of a shipped policy is there because something breaks without
// it. Of a rule that permits that is a use of the call, of one that denies the errno that programs know.
#include <catch2/catch.hpp>

#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>

#include "sandbox/launcher/filter.hpp"
#include "tests/golden/policies.hpp"
#include "tests/rules/trial.hpp"
#include "tests/unit/bpf_interpreter.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

// The policy with a rule of its own for each name and each alternative.
SeccompPolicy taken_apart(const SeccompPolicy& policy) {
  SeccompPolicy apart{policy.default_action, {}, {}};
  for (const auto& rule : policy.rules) {
    const bool are_alternatives = rule.args.size() > 1 && rule.args[0].index == rule.args[1].index;
    for (const auto& name : rule.names) {
      if (!are_alternatives) apart.rules.push_back({{name}, rule.action, rule.args, rule.why});
      if (!are_alternatives) continue;
      for (const auto& arg : rule.args) apart.rules.push_back({{name}, rule.action, {arg}, rule.why});
    }
  }
  return apart;
}

CompiledFilter without(const SeccompPolicy& policy, std::size_t index) {
  auto fewer = policy;
  fewer.rules.erase(fewer.rules.begin() + static_cast<std::ptrdiff_t>(index));
  return compile_filter(fewer);
}

Arguments arguments_of(const SeccompRule& rule) {
  Arguments args{};
  for (const auto& arg : rule.args)
    args.at(arg.index) = arg.op == SeccompCompare::masked_eq ? arg.value_two : arg.value;
  return args;
}

std::string text_of(const SeccompRule& rule) {
  std::string text = rule.names[0];
  for (const auto& arg : rule.args) text += " argument " + std::to_string(arg.index) + ": " + std::to_string(arg.value);
  return text;
}

const Use* find_use(std::string_view call) {
  static const std::vector<Use> uses = [] {
    std::vector<Use> all;
    for (const auto& some : {uses_of_files(), uses_of_processes(), uses_of_memory_and_time(), uses_of_sockets()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  const auto found = std::find_if(uses.begin(), uses.end(), [&](const Use& use) { return use.call == call; });
  return found == uses.end() ? nullptr : &*found;
}

// A call that is denied, with what the rule compares and zeros.
long make_denied(const SeccompRule& rule) {
  std::array<long, 6> args{};
  const auto wanted = arguments_of(rule);
  for (std::size_t i = 0; i < args.size(); ++i) args[i] = static_cast<long>(wanted[i].value_or(0));
  return raw_call(seccomp_syscall_resolve_name(rule.names[0].c_str()), args);
}

bool permits(const SeccompRule& rule) {
  return rule.action.verdict == SeccompVerdict::allow;
}

// Answers what is answered anyway, and says so to keep the call from being recorded as an attempt (filter.hpp).
bool is_known_fallback(const SeccompRule& rule, const SeccompPolicy& policy) {
  return rule.action == policy.default_action;
}

bool is_recorded(const std::string& recording, const SeccompRule& rule) {
  Call call{static_cast<std::uint32_t>(seccomp_syscall_resolve_name(rule.names[0].c_str())), {}};
  const auto wanted = arguments_of(rule);
  for (std::size_t i = 0; i < wanted.size(); ++i) call.args[i] = wanted[i].value_or(0);
  return (verdict(recording, call) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
}

void check_permission(const SeccompRule& rule, const std::string& whole, const std::string& fewer, long otherwise) {
  const auto* use = find_use(rule.names[0]);
  if (use == nullptr) {
    FAIL_CHECK("no use of it is known: add one to tests/rules");
    return;
  }
  const auto args = arguments_of(rule);
  const auto made = [&](const std::string& bpf) {
    return try_under(bpf, [&](const Things& things) { return use->make(things, args); });
  };
  const auto with_rule = made(whole), without_rule = made(fewer);
  INFO("answers: " << with_rule.answer << " with the rule, " << without_rule.answer << " without");
  CHECK(with_rule.worked());
  CHECK_FALSE(without_rule.worked());
  if (without_rule.returned) CHECK(without_rule.answer == otherwise);
}

void check_denial(const SeccompRule& rule, const std::string& whole, const std::string& fewer, long otherwise) {
  const auto made = [&](const std::string& bpf) {
    return try_under(bpf, [&](const Things&) { return make_denied(rule); }).answer;
  };
  CHECK(made(whole) == -static_cast<long>(rule.action.errno_value));
  CHECK(made(fewer) == otherwise);
}

}  // namespace

TEST_CASE("nothing in a shipped policy is superfluous: something breaks without each call and each value",
          "[threat:dangerous-calls]") {
  for (const auto& [name, shipped] : shipped_policies()) {
    const auto policy = taken_apart(shipped);
    const auto whole = compile_filter(shipped);
    REQUIRE(golden_rows(compile_filter(policy).bpf) == golden_rows(whole.bpf));
    REQUIRE(policy.default_action.verdict == SeccompVerdict::errno_value);
    const auto otherwise = -static_cast<long>(policy.default_action.errno_value);
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
      const auto& rule = policy.rules[i];
      INFO(name << ".seccomp.json, " << text_of(rule) << " (" << rule.why << ")");
      if (seccomp_syscall_resolve_name(rule.names[0].c_str()) < 0) {
        FAIL_CHECK("superfluous: it names no call of this architecture");
        continue;
      }
      if (is_known_fallback(rule, policy)) {
        CHECK_FALSE(is_recorded(whole.recording, rule));
        CHECK(is_recorded(without(policy, i).recording, rule));
        continue;
      }
      (permits(rule) ? check_permission : check_denial)(rule, whole.bpf, without(policy, i).bpf, otherwise);
    }
  }
}
