#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/doctor/judge.hpp"

namespace cordon::cli::doctor {
namespace {

constexpr int least_major = 5, least_minor = 19;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
constexpr const char* newer_kernel = "apt install linux-image-amd64, and reboot";

constexpr const char* wanted_namespaces[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user"};
constexpr const char* wanted_actions[] = {"kill_process", "errno", "user_notif"};

struct Wish {
  const char* name;
  const char* why;
};
constexpr Wish wanted_calls[] = {
    {"clone3", "a sandbox is born inside of its cgroup"},
    {"pidfd_open", "a process is ended by a handle that cannot mean another"},
    {"openat2", "paths of hostile images are opened beneath their root"},
    {"open_tree", "mounts are attached by descriptor, never by a path that a job could change"},
    {"fsopen", "likewise"},
    {"mount_setattr", "an image is read-only in all of its mounts at once"},
    {"close_range", "no descriptor of ours reaches a job"}};

std::optional<int> number_at(std::string_view text, std::size_t at) {
  int value = 0;
  if (at >= text.size()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

bool is_new_enough(int major, int minor) {
  return major > least_major || (major == least_major && minor >= least_minor);
}

Finding judge_release(const KernelFacts& kernel) {
  Finding f{"kernel.version",
            Verdict::not_tested,
            Weight::needed,
            kernel.release,
            fmt::format("Cordon uses calls that came with Linux {}.{}", least_major, least_minor),
            newer_kernel};
  const auto major = number_at(kernel.release, 0);
  const auto dot = kernel.release.find('.');
  const auto minor = dot == std::string::npos ? std::nullopt : number_at(kernel.release, dot + 1);
  if (!major || !minor) {
    f.detail = "the kernel did not tell its version";
    return f;
  }
  f.verdict = is_new_enough(*major, *minor) ? Verdict::found : Verdict::missing;
  return f;
}

Verdict verdict_of(Presence presence) {
  if (presence == Presence::not_told) return Verdict::not_tested;
  return presence == Presence::there ? Verdict::found : Verdict::missing;
}

Finding judge_call(const KernelFacts& kernel, const Wish& wish) {
  const auto seen = kernel.calls.find(wish.name);
  const auto presence = seen == kernel.calls.end() ? Presence::not_told : seen->second;
  const char* const detail = presence == Presence::there    ? "the kernel knows it"
                             : presence == Presence::absent ? "the kernel does not know it"
                                                            : "something between us and the kernel refuses to ask";
  return {std::string("kernel.") + wish.name, verdict_of(presence), Weight::needed, detail, wish.why, newer_kernel};
}

// What of `wanted` is not in `has`, in one line.
template <typename Wanted, typename Has>
std::string lacking(const Wanted& wanted, const Has& has) {
  std::string missing;
  for (const char* one : wanted)
    if (!has(one)) missing += (missing.empty() ? "" : ", ") + std::string(one);
  return missing;
}

Finding judge_namespaces(const KernelFacts& kernel) {
  Finding f{"kernel.namespaces",
            Verdict::found,
            Weight::needed,
            "mnt, pid, net, ipc, uts, cgroup, user",
            "each of them keeps one kind of thing of the host out of a job's sight",
            newer_kernel};
  if (kernel.namespaces.empty()) {
    f.verdict = Verdict::not_tested;
    f.detail = "/proc/self/ns cannot be read";
    return f;
  }
  const auto missing = lacking(wanted_namespaces, [&](const char* one) { return kernel.namespaces.contains(one); });
  if (missing.empty()) return f;
  f.verdict = Verdict::missing;
  f.detail = "not in this kernel: " + missing;
  return f;
}

Finding judge_making(const KernelFacts& kernel) {
  Finding f{"kernel.namespaces_made",
            Verdict::not_tested,
            Weight::needed,
            "only root can try",
            "a kernel that has namespaces may still be told not to give them (sysctls, AppArmor, a container)",
            "sudo cordon doctor"};
  if (!kernel.namespaces_made) return f;
  f.verdict = kernel.namespaces_made->empty() ? Verdict::found : Verdict::missing;
  f.detail = kernel.namespaces_made->empty() ? "all seven were made, and are gone again" : *kernel.namespaces_made;
  f.remedy = "sysctl user.max_user_namespaces=65536; in a container: run it with the right to make namespaces";
  return f;
}

Finding judge_seccomp(const KernelFacts& kernel) {
  Finding f{"kernel.seccomp",
            Verdict::not_tested,
            Weight::needed,
            "/proc/sys/kernel/seccomp/actions_avail cannot be read",
            "what a job may ask of the kernel is decided there, and what it was refused is counted by user_notif",
            newer_kernel};
  if (!kernel.seccomp_actions) return f;
  const auto missing = lacking(wanted_actions, [&](const char* one) {
    return (" " + *kernel.seccomp_actions + " ").find(" " + std::string(one) + " ") != std::string::npos;
  });
  f.verdict = missing.empty() ? Verdict::found : Verdict::missing;
  f.detail = missing.empty() ? *kernel.seccomp_actions : "not in this kernel: " + missing;
  return f;
}

Finding judge_landlock(const KernelFacts& kernel) {
  Finding f{"kernel.landlock",
            Verdict::not_tested,
            Weight::useful,
            "something between us and the kernel refuses to ask",
            "the second wall around files; a profile with landlock.min_abi refuses jobs without it",
            "boot with lsm=landlock,… in front of what /sys/kernel/security/lsm has"};
  if (!kernel.landlock_abi) return f;
  f.verdict = *kernel.landlock_abi > 0 ? Verdict::found : Verdict::missing;
  f.detail = *kernel.landlock_abi > 0 ? fmt::format("ABI {}", *kernel.landlock_abi) : "not in force";
  return f;
}

Finding judge_file_system(const KernelFacts& kernel, const char* name, Weight weight, const char* why) {
  const auto seen = kernel.file_systems.find(name);
  const auto presence = seen == kernel.file_systems.end() ? Presence::not_told : seen->second;
  const char* const detail = presence == Presence::there ? "in the kernel, or a module of it"
                             : presence == Presence::absent
                                 ? "neither in the kernel nor among its modules"
                                 : "neither loaded, nor are the kernel's modules here to look at";
  return {std::string("kernel.") + name, verdict_of(presence), weight, detail, why, std::string("modprobe ") + name};
}

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

Finding judge_sysctl(const KernelFacts& kernel, const std::string& name, std::uint64_t least, const char* why) {
  Finding f{"sysctl." + name,
            Verdict::not_tested,
            Weight::needed,
            "cannot be read",
            why,
            fmt::format("sysctl -w {}={}", name, least)};
  const auto seen = kernel.sysctls.find(name);
  const auto value = seen == kernel.sysctls.end() ? std::nullopt : number(seen->second);
  if (!value) return f;
  f.verdict = *value >= least ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("{}, at least {} for max_running", *value, least);
  return f;
}

Findings judge_sysctls(const KernelFacts& kernel, const Config& config) {
  const std::uint64_t sandboxes =
      2 * std::uint64_t{config.max_running} + 16;  // running ones, warm ones, those that end
  Findings findings;
  for (const char* kind : {"user", "pid", "net", "mnt", "ipc", "uts", "cgroup"})
    findings.push_back(judge_sysctl(kernel, fmt::format("user.max_{}_namespaces", kind), sandboxes,
                                    "each sandbox has one of its own"));
  findings.push_back(
      judge_sysctl(kernel, "kernel.pid_max", 64 * std::uint64_t{config.max_running}, "processes of all jobs together"));
  findings.push_back(judge_sysctl(kernel, "fs.nr_open", 65536, "the units ask for so many open files"));
  return findings;
}

// Of no consequence for Cordon, which makes user namespaces as root; told, since people look for it here.
Finding judge_distribution(const KernelFacts& kernel) {
  std::string set;
  for (const char* name : {"kernel.apparmor_restrict_unprivileged_userns", "kernel.unprivileged_userns_clone"}) {
    const auto seen = kernel.sysctls.find(name);
    if (seen != kernel.sysctls.end() && seen->second)
      set += (set.empty() ? "" : ", ") + std::string(name) + "=" + *seen->second;
  }
  Finding f{
      "distribution.userns",
      Verdict::not_tested,
      Weight::useful,
      set.empty() ? "no such rule is set" : set,
      "Ubuntu's AppArmor rule and Debian's sysctl stop unprivileged user namespaces; Cordon makes its own as root",
      "sudo cordon doctor"};
  if (!kernel.namespaces_made) return f;
  f.verdict = kernel.namespaces_made->empty() ? Verdict::found : Verdict::missing;
  f.detail += kernel.namespaces_made->empty() ? "; root makes them all the same" : "; root cannot make them either";
  return f;
}

}  // namespace

Findings judge_kernel(const KernelFacts& kernel, const Config& config) {
  Findings findings{judge_release(kernel),      judge_namespaces(kernel), judge_making(kernel),
                    judge_distribution(kernel), judge_seccomp(kernel),    judge_landlock(kernel)};
  for (const auto& wish : wanted_calls) findings.push_back(judge_call(kernel, wish));
  findings.push_back(
      judge_file_system(kernel, "overlay", Weight::needed, "each job sees its image through an overlay of its own"));
  findings.push_back(judge_file_system(kernel, "erofs", Weight::useful, "imported images are files of this kind"));
  findings.push_back(judge_file_system(kernel, "loop", Weight::useful, "imported images are mounted through it"));
  for (auto& finding : judge_sysctls(kernel, config)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace cordon::cli::doctor
