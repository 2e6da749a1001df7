#include "profiles/seccomp_conditions.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "profiles/seccomp_policy.hpp"

namespace cordon {
namespace {

struct Conditions {
  std::vector<std::string> caps;
  std::vector<std::string> arches;
  std::optional<KernelVersion> min_kernel;
};

std::optional<KernelVersion> parse_kernel_version(std::string_view text) {
  KernelVersion version;
  const auto* end = text.data() + text.size();
  const auto [dot, wrong_major] = std::from_chars(text.data(), end, version.major);
  if (wrong_major != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, wrong_minor] = std::from_chars(dot + 1, end, version.minor);
  if (wrong_minor != std::errc{} || rest != end) return std::nullopt;
  return version;
}

Conditions read_conditions(ObjectReader& rule, std::string_view key, FieldErrors& errors) {
  Conditions out;
  const Json* value = rule.find(key);
  if (value == nullptr || value->is_null()) return out;
  ObjectReader object(*value, rule.pointer(key), errors);
  object.optional("caps", out.caps);
  object.optional("arches", out.arches);
  std::string kernel;
  object.optional("minKernel", kernel);
  if (!kernel.empty()) {
    out.min_kernel = parse_kernel_version(kernel);
    if (!out.min_kernel) object.error("minKernel", "must be MAJOR.MINOR");
  }
  object.refuse_unknown_keys();
  return out;
}

// Moby names architectures as Go does.
bool names_our_arch(const std::vector<std::string>& arches) {
  return std::find(arches.begin(), arches.end(), "amd64") != arches.end();
}

std::string shown(KernelVersion version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

}  // namespace

std::string why_left_out(ObjectReader& rule, FieldErrors& errors) {
  const auto includes = read_conditions(rule, "includes", errors);
  const auto excludes = read_conditions(rule, "excludes", errors);
  if (!includes.caps.empty()) return "needs " + includes.caps.front() + ", and a job has no capabilities";
  if (!includes.arches.empty() && !names_our_arch(includes.arches)) return "for other architectures";
  if (includes.min_kernel && *includes.min_kernel > oldest_kernel) {
    return "needs kernel " + shown(*includes.min_kernel) + ", and " + shown(oldest_kernel) + " is supported";
  }
  if (names_our_arch(excludes.arches)) return "not for x86_64";
  if (excludes.min_kernel && *excludes.min_kernel <= oldest_kernel) {
    return "not for kernel " + shown(*excludes.min_kernel) + " and later";
  }
  return {};
}

}  // namespace cordon
