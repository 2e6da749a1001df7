#include "tests/golden/policies.hpp"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "profiles/profile.hpp"
#include "tests/unit/bpf_interpreter.hpp"

namespace cordon::test {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view seccomp_suffix = ".seccomp.json";

std::string native_name(std::uint32_t number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number)), &std::free);
  return name ? name.get() : "-";
}

Row row_of(std::string_view bpf, const Abi& abi, std::uint32_t number) {
  const bool is_native = abi.first == 0 && abi.audit_arch == abis[0].audit_arch;
  Row row{abi.name, number, number, is_native ? native_name(number) : "-", {}};
  for (std::size_t i = 0; i < argument_patterns.size(); ++i) {
    const auto value = argument_patterns[i].value;
    row.verdicts[i] = verdict_name(bpf, abi.first + number, abi.audit_arch, {value, value, value, value, value, value});
  }
  return row;
}

bool continues(const Row& before, const Row& row) {
  return before.abi == row.abi && before.name == "-" && row.name == "-" && before.verdicts == row.verdicts;
}

}  // namespace

std::string read_source(const std::string& path) {
  std::ifstream file(std::string(CORDON_SOURCE_DIR "/") + path, std::ios::binary);
  if (!file) throw std::runtime_error("there is no " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, SeccompPolicy> shipped_policies() {
  std::map<std::string, SeccompPolicy> policies;
  for (const auto& entry : fs::directory_iterator(CORDON_SOURCE_DIR "/profiles/data")) {
    const auto file = entry.path().filename().string();
    if (!file.ends_with(".json") || file.ends_with(seccomp_suffix)) continue;
    std::string policy_file;
    const auto beside = [&](std::string_view name) {
      policy_file = name;
      return std::optional(read_source("profiles/data/" + policy_file));
    };
    const auto profile = parse_profile(entry.path().stem().string(), read_source("profiles/data/" + file), beside);
    if (!profile) throw std::runtime_error(file + ": " + profile.error().at(0).detail);
    policies.emplace(policy_file.substr(0, policy_file.size() - seccomp_suffix.size()), profile->seccomp);
  }
  return policies;
}

std::string verdict_name(std::string_view bpf, std::uint32_t number, std::uint32_t audit_arch,
                         const std::array<std::uint64_t, 6>& args) {
  const auto action = verdict(bpf, Call{number, args, audit_arch});
  if (action == SECCOMP_RET_ALLOW) return "ALLOW";
  if (action == SECCOMP_RET_KILL_PROCESS) return "KILL_PROCESS";
  if ((action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) throw std::runtime_error("a verdict of another kind");
  const auto* name = ::strerrorname_np(static_cast<int>(action & SECCOMP_RET_DATA));
  return name == nullptr ? throw std::runtime_error("an errno without a name") : name;
}

std::vector<Row> golden_rows(std::string_view bpf) {
  std::vector<Row> rows;
  for (const auto& abi : abis) {
    for (std::uint32_t number = 0; number < calls_per_abi; ++number) {
      auto row = row_of(bpf, abi, number);
      if (!rows.empty() && continues(rows.back(), row))
        rows.back().last = number;
      else
        rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string golden_file(const std::string& policy) {
  return "tests/golden/" + policy + ".txt";
}

}  // namespace cordon::test
