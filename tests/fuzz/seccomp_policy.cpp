// A seccomp file of an administrator.
#include "profiles/seccomp_policy.hpp"

#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto policy = parse_seccomp_policy(fuzz::text_of(data, size));
  if (!policy) {
    must(!policy.error().empty(), "a refusal has a reason");
    return 0;
  }
  for (const auto& rule : policy->rules) {
    must(!rule.names.empty(), "a rule names a call");
    must(rule.action.errno_value <= 4095, "an errno is one");
    for (const auto& arg : rule.args) must(arg.index < 6, "a call has six arguments");
  }
  return 0;
}
