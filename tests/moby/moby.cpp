// Promise (threats.md, "range or not-equal rules"): the seccomp files of Docker and Podman load, and where they compare
// what the kernel does not read, what becomes of them is stricter and reported.
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/launcher/filter.hpp"
#include "tests/golden/policies.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint64_t bit_32 = std::uint64_t{1} << 32;
constexpr std::uint64_t stream = 1, af_netlink = 16, netlink_audit = 9;
constexpr std::array<std::uint64_t, 3> safe_families{1, 2, 10};
const std::string only_safe_families = "socket: argument 0 may only be AF_UNIX, AF_INET or AF_INET6";

class Loaded {
 public:
  explicit Loaded(const std::string& text) {
    const auto policy = parse_seccomp_policy(text);
    if (!policy) FAIL(policy.error().at(0).pointer << " " << policy.error().at(0).detail);
    policy_ = *policy;
    filter_ = compile_filter(policy_);
  }
  std::string operator()(const std::string& call, std::array<std::uint64_t, 6> args = {}) const {
    const int number = seccomp_syscall_resolve_name(call.c_str());
    REQUIRE(number >= 0);
    return verdict_name(filter_.bpf, static_cast<std::uint32_t>(number), abis[0].audit_arch, args);
  }
  const CompiledFilter& filter() const { return filter_; }
  const SeccompPolicy& policy() const { return policy_; }
  bool reports(const std::string& line) const {
    return std::find(filter_.narrowed.begin(), filter_.narrowed.end(), line) != filter_.narrowed.end();
  }

 private:
  SeccompPolicy policy_;
  CompiledFilter filter_;
};

std::string real(const std::string& name) {
  return read_source("build/moby/" + name + ".json");
}

// Docker's file with the rule that it has for socket since 23.0 (Debian 12 has 20.10, which permits every socket):
// anything but AF_VSOCK, which is 40.
std::string with_the_rule_against_vsock(const std::string& text) {
  auto file = nlohmann::json::parse(text);
  for (auto& rule : file.at("syscalls")) {
    auto& names = rule.at("names");
    names.erase(std::remove(names.begin(), names.end(), "socket"), names.end());
  }
  file.at("syscalls")
      .push_back({{"names", {"socket"}},
                  {"action", "SCMP_ACT_ALLOW"},
                  {"args", {{{"index", 0}, {"value", 40}, {"op", "SCMP_CMP_NE"}}}}});
  return file.dump();
}

// Podman also writes the names of the errnos, which are the numbers beside them.
std::string without_names_of_errnos(const std::string& text) {
  auto file = nlohmann::json::parse(text);
  file.erase("defaultErrno");
  for (auto& rule : file.at("syscalls")) rule.erase("errno");
  return file.dump();
}

}  // namespace

TEST_CASE("the seccomp file of Docker loads as it is, for a job without capabilities", "[threat:range-rules]") {
  const Loaded moby(real("moby"));
  for (const auto* call : {"read", "openat", "execve", "futex", "socketpair"}) CHECK(moby(call) == "ALLOW");
  for (const auto* call :
       {"mount", "bpf", "setns", "unshare", "kexec_load", "init_module", "open_by_handle_at", "chroot"})
    CHECK(moby(call) == "EPERM");
  CHECK(moby("clone", {17}) == "ALLOW");
  CHECK(moby("clone", {0x10000011}) == "EPERM");
  CHECK(moby("clone", {bit_32 | 0x10000011}) == "EPERM");
  CHECK(moby("personality", {8}) == "ALLOW");
  CHECK(moby("personality", {bit_32 | 8}) == "EPERM");
  CHECK_FALSE(moby.policy().left_out.empty());  // rules for capabilities and other architectures
}

TEST_CASE("Docker's rule against AF_VSOCK is narrowed to families that are known to be safe, and that is reported",
          "[threat:range-rules]") {
  const Loaded moby(with_the_rule_against_vsock(real("moby")));
  for (std::uint64_t family = 0; family < 64; ++family) {
    const bool is_safe = std::count(safe_families.begin(), safe_families.end(), family) == 1;
    CAPTURE(family);
    CHECK(moby("socket", {family, stream}) == (is_safe ? "ALLOW" : "EPERM"));
    CHECK(moby("socket", {bit_32 | family, stream}) == "EPERM");
    CHECK(moby("socket", {0xffffffff00000000 | family, stream}) == "EPERM");
  }
  CHECK(moby.reports(only_safe_families));
}

TEST_CASE("the rules by inequality of Podman's seccomp file are narrowed and reported", "[threat:range-rules]") {
  const Loaded containers(without_names_of_errnos(real("containers")));
  CHECK(containers("read") == "ALLOW");
  CHECK(containers("socket", {2, stream}) == "ALLOW");
  for (const std::uint64_t high : {std::uint64_t{0}, bit_32, std::uint64_t{0xffffffff} << 32}) {
    for (const std::uint64_t other : {std::uint64_t{0}, bit_32}) {
      CAPTURE(high, other);
      CHECK(containers("socket", {high | af_netlink, 3, other | netlink_audit}) != "ALLOW");
    }
  }
  CHECK(containers.reports(only_safe_families));
  CHECK(containers.reports("socket: argument 2 must fit in 32 bits"));
}
