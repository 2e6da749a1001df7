#include "profiles/seccomp_policy.hpp"

#include <catch2/catch.hpp>

#include "profiles/strict_json.hpp"

using namespace cordon;

namespace {

// A policy of one rule with these members beside its name and action.
std::string with_rule(const std::string& members) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW")" +
         (members.empty() ? "" : ", " + members) + "}]}";
}

SeccompPolicy parsed(const std::string& text) {
  auto policy = parse_seccomp_policy(text);
  CAPTURE(text);
  if (!policy) FAIL(policy.error().at(0).pointer << " " << policy.error().at(0).detail);
  return *policy;
}

std::string fault_at(const std::string& text) {
  const auto policy = parse_seccomp_policy(text);
  return policy ? "accepted" : policy.error().at(0).pointer;
}

bool applies(const std::string& members) {
  const auto policy = parsed(with_rule(members));
  CHECK(policy.rules.size() + policy.left_out.size() == 1);
  return !policy.rules.empty();
}

std::string arg(const std::string& members) {
  return with_rule(R"("args": [{)" + members + "}]");
}

}  // namespace

TEST_CASE("a rule of every key is read") {
  const auto policy = parsed(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}],
    "syscalls": [{"names": ["a", "b"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "comment": "so",
                  "args": [{"index": 5, "value": 18446744073709551615, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}],
                  "includes": {}, "excludes": {}},
                 {"name": "c", "action": "SCMP_ACT_KILL_PROCESS", "args": null, "includes": null, "comment": ""}]})");
  CHECK(policy.default_action == SeccompAction{SeccompVerdict::errno_value, 38});
  REQUIRE(policy.rules.size() == 2);
  CHECK(policy.rules[0].names == std::vector<std::string>{"a", "b"});
  CHECK(policy.rules[0].action == SeccompAction{SeccompVerdict::errno_value, 95});
  CHECK(policy.rules[0].args == std::vector<SeccompArg>{{5, SeccompCompare::masked_eq, ~std::uint64_t{0}, 2}});
  CHECK(policy.rules[0].why == "so");
  CHECK(policy.rules[1].names == std::vector<std::string>{"c"});
  CHECK(policy.rules[1].action.verdict == SeccompVerdict::kill_process);
}

TEST_CASE("an errno that is not given is EPERM") {
  CHECK(parsed(with_rule("")).default_action == SeccompAction{SeccompVerdict::errno_value, 1});
}

TEST_CASE("each comparison is known by its name") {
  for (const auto* op : {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"}) {
    CHECK(fault_at(arg(R"("index": 0, "value": 1, "op": "SCMP_CMP_)" + std::string(op) + '"')) == "accepted");
  }
  CHECK(fault_at(arg(R"("index": 0, "value": 1, "op": "SCMP_CMP_NEARLY")")) == "/syscalls/0/args/0/op");
}

TEST_CASE("a fault in a seccomp file is named by its pointer") {
  CHECK(fault_at("{}") == "/defaultAction");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_TRACE"})") == "/defaultAction");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_NOTIFY"})") == "/defaultAction");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})") == "/defaultErrnoRet");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096})") == "/defaultErrnoRet");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_ARM"]})") == "/architectures");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"]})") == "/flags");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/x"})") == "/listenerPath");
  CHECK(fault_at(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]})") ==
        "/syscalls/0/names");
  CHECK(fault_at(with_rule(R"("errnoRet": 1)")) == "/syscalls/0/errnoRet");
  CHECK(fault_at(with_rule(R"("errno": "EPERM")")) == "/syscalls/0/errno");
  CHECK(fault_at(with_rule(R"("includes": {"kernel": "5.0"})")) == "/syscalls/0/includes/kernel");
  CHECK(fault_at(with_rule(R"("includes": {"minKernel": "five"})")) == "/syscalls/0/includes/minKernel");
  CHECK(fault_at(arg(R"("index": 6, "value": 1, "op": "SCMP_CMP_EQ")")) == "/syscalls/0/args/0/index");
  CHECK(fault_at(arg(R"("index": 0, "value": -1, "op": "SCMP_CMP_EQ")")) == "/syscalls/0/args/0/value");
  CHECK(fault_at(arg(R"("index": 0, "op": "SCMP_CMP_EQ")")) == "/syscalls/0/args/0/value");
}

TEST_CASE("two comparisons of one argument are alternatives, and only alone") {
  const std::string on_zero = R"({"index": 0, "value": 1, "op": "SCMP_CMP_EQ"})";
  const std::string on_one = R"({"index": 1, "value": 1, "op": "SCMP_CMP_EQ"})";
  CHECK(fault_at(with_rule(R"("args": [)" + on_zero + "," + on_zero + "]")) == "accepted");
  CHECK(fault_at(with_rule(R"("args": [)" + on_zero + "," + on_one + "]")) == "accepted");
  CHECK(fault_at(with_rule(R"("args": [)" + on_zero + "," + on_one + "," + on_zero + "]")) == "/syscalls/0/args");
}

TEST_CASE("a rule that needs a capability is left out, since a job has none") {
  CHECK_FALSE(applies(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})"));
  CHECK(applies(R"("excludes": {"caps": ["CAP_SYS_ADMIN"]})"));
}

TEST_CASE("a rule for other architectures is left out") {
  CHECK(applies(R"("includes": {"arches": ["amd64", "x32"]})"));
  CHECK_FALSE(applies(R"("includes": {"arches": ["s390x"]})"));
  CHECK(applies(R"("excludes": {"arches": ["s390x"]})"));
  CHECK_FALSE(applies(R"("excludes": {"arches": ["amd64"]})"));
}

TEST_CASE("a rule is judged against the oldest kernel that is supported") {
  CHECK(applies(R"("includes": {"minKernel": "4.8"})"));
  CHECK(applies(R"("includes": {"minKernel": "6.1"})"));
  CHECK_FALSE(applies(R"("includes": {"minKernel": "6.12"})"));
  CHECK_FALSE(applies(R"("excludes": {"minKernel": "4.8"})"));
}
