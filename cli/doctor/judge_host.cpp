#include <fmt/format.h>

#include "cli/doctor/judge.hpp"
#include "cli/table.hpp"

namespace cordon::cli::doctor {
namespace {

constexpr const char* wanted_controllers[] = {"memory", "pids", "cpu"};
constexpr const char* boot_with_v2 = "boot with systemd.unified_cgroup_hierarchy=1";

std::string controllers_lacking(const std::set<std::string>& has) {
  std::string missing;
  for (const char* one : wanted_controllers)
    if (!has.contains(one)) missing += (missing.empty() ? "" : ", ") + std::string(one);
  return missing;
}

// v2 where the controllers are there; hybrid where they still sit in v1.
Finding judge_layout(const CgroupFacts& cgroups) {
  Finding f{"cgroups.layout",
            Verdict::missing,
            Weight::needed,
            "no cgroup v2 tree is mounted",
            "limits, the kill of a whole job, and the word that it is dead come from there",
            boot_with_v2};
  if (cgroups.unified.empty()) return f;
  const auto in_v2 = controllers_lacking(cgroups.controllers);
  const auto in_v1 = controllers_lacking(cgroups.legacy);
  if (!in_v2.empty() && !in_v1.empty()) {
    f.detail = "controllers are in no tree: " + in_v2;
    return f;
  }
  f.verdict = Verdict::found;
  f.detail = in_v2.empty() ? "v2, with memory, pids and cpu"
                           : "hybrid: controllers in v1, out_of_memory of a group is emulated";
  return f;
}

Finding judge_kill(const CgroupFacts& cgroups) {
  Finding f{"cgroups.kill",
            Verdict::not_tested,
            Weight::needed,
            "there is no cgroup below the root to look in",
            "one write ends all of a job, however it forks",
            "apt install linux-image-amd64, and reboot"};
  if (!cgroups.can_kill) return f;
  f.verdict = *cgroups.can_kill ? Verdict::found : Verdict::missing;
  f.detail = *cgroups.can_kill ? "cgroup.kill is there" : "no cgroup has cgroup.kill";
  return f;
}

Finding judge_delegation(const CgroupFacts& cgroups) {
  Finding f{"cgroups.delegation",
            Verdict::not_tested,
            Weight::needed,
            "no launcher has told where its jobs are",
            "below it only Cordon makes cgroups, and the controllers must have been handed on to it",
            "systemctl start cordon-launcher (its unit has Delegate=yes), then: sudo cordon doctor"};
  if (!cgroups.jobs) return f;
  f.detail = *cgroups.jobs;
  const bool in_v1 = !controllers_lacking(cgroups.controllers).empty() && controllers_lacking(cgroups.legacy).empty();
  const auto missing = in_v1 ? std::string() : controllers_lacking(cgroups.jobs_controllers);
  f.verdict = missing.empty() ? Verdict::found : Verdict::missing;
  if (!missing.empty()) f.detail += " has not been given " + missing;
  return f;
}

Finding judge_swap(const CgroupFacts& cgroups) {
  Finding f{"cgroups.swap",
            Verdict::not_tested,
            Weight::needed,
            "there is no cgroup below the root to look in",
            "memory beyond a job's limit would go to swap instead: without a limit there too nothing is launched",
            "boot with swapaccount=1, or: swapoff -a"};
  if (!cgroups.limits_swap) return f;
  f.verdict = *cgroups.limits_swap ? Verdict::found : Verdict::missing;
  f.detail = *cgroups.limits_swap ? "swap is limited with memory, or there is none" : "swap is on, and has no limit";
  return f;
}

bool overlap(const IdRange& a, std::uint64_t first, std::uint64_t count) {
  return a.first < first + count && first < a.first + a.count;
}

Finding judge_ids(const HostFacts& host, const Config& config) {
  const std::uint64_t first = config.first_uid, count = config.uid_count;
  Finding f{
      "ids.free",
      Verdict::found,
      Weight::needed,
      fmt::format("{} to {} are nobody's in /etc/passwd, group, subuid and subgid", first, first + count - 1),
      "a job's ids on the host must mean nobody: whoever has them too could signal jobs and read their files",
      "choose \"uids\": {\"first\": …} in cordon.json, away from /etc/subuid, and: systemctl restart cordon-launcher"};
  for (const auto& other : host.ids) {
    if (!overlap(other, first, count)) continue;
    f.verdict = Verdict::missing;
    f.detail = fmt::format("{} has ids {} to {}", other.where, other.first, other.first + other.count - 1);
    return f;
  }
  if (host.unread.empty() && !host.ids.empty()) return f;
  f.verdict = Verdict::not_tested;
  f.detail = (host.unread.empty() ? "/etc/passwd" : host.unread.front()) + " cannot be read";
  return f;
}

Finding judge_disk(const HostFacts& host, const Config& config) {
  constexpr std::uint64_t least_bytes = std::uint64_t{256} << 20, least_inodes = 10'000;
  Finding f{"disk.state",
            Verdict::not_tested,
            Weight::needed,
            "the state directory cannot be looked at",
            "a journal that cannot be written starts no job (503 journal_unavailable)",
            "make room, or lower retain.bytes and retain.jobs in cordon.json"};
  if (!host.state) return f;
  const auto& disk = *host.state;
  const bool has_room = disk.free_bytes >= least_bytes && disk.free_inodes >= least_inodes;
  f.verdict = has_room ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("{} and {} inodes free at {}", readable_bytes(static_cast<double>(disk.free_bytes)),
                         disk.free_inodes, disk.path);
  if (has_room && disk.free_bytes < config.retain_bytes) {
    f.verdict = Verdict::missing;
    f.weight = Weight::useful;
    f.detail +=
        fmt::format("; retain.bytes alone may take {}", readable_bytes(static_cast<double>(config.retain_bytes)));
  }
  return f;
}

Finding judge_memory(const HostFacts& host, const Config& config) {
  Finding f{"memory.reserve",
            Verdict::not_tested,
            Weight::needed,
            "/proc/meminfo cannot be read",
            "below the reserve (admission.host_reserve) nothing starts: jobs wait",
            "end something else, add memory, or lower admission.host_reserve.memory_bytes"};
  if (!host.memory_available) return f;
  const auto reserve = config.admission.reserve.memory_bytes;
  f.verdict = *host.memory_available > 2 * reserve ? Verdict::found : Verdict::missing;
  f.detail =
      fmt::format("{} available, {} are kept for the host", readable_bytes(static_cast<double>(*host.memory_available)),
                  readable_bytes(static_cast<double>(reserve)));
  return f;
}

Finding judge_pids(const HostFacts& host, const Config& config) {
  Finding f{"pids.reserve",
            Verdict::not_tested,
            Weight::needed,
            "/proc/loadavg, kernel.pid_max or kernel.threads-max cannot be read",
            "below the reserve (admission.host_reserve) nothing starts: jobs wait",
            "end something else, raise kernel.pid_max and kernel.threads-max, or lower admission.host_reserve.pids"};
  if (!host.pids_left) return f;
  const auto reserve = config.admission.reserve.pids;
  f.verdict = *host.pids_left > 2 * reserve ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("{} left, {} are kept for the host", *host.pids_left, reserve);
  return f;
}

Finding judge_mkfs(const HostFacts& host) {
  Finding f{"tool.mkfs.erofs",
            Verdict::not_tested,
            Weight::useful,
            "nobody looked",
            "cordon image import makes images with it",
            "apt install erofs-utils"};
  if (!host.mkfs_erofs) return f;
  f.verdict = *host.mkfs_erofs ? Verdict::found : Verdict::missing;
  f.detail = *host.mkfs_erofs ? "/usr/bin/mkfs.erofs" : "no program /usr/bin/mkfs.erofs";
  return f;
}

Finding judge_clock(const HostFacts& host) {
  Finding f{"clock.synchronised",
            Verdict::not_tested,
            Weight::useful,
            "the kernel did not tell",
            "times in reports and evidence are compared with other hosts'; limits do not depend on it",
            "apt install systemd-timesyncd; timedatectl set-ntp true"};
  if (!host.clock_synchronised) return f;
  f.verdict = *host.clock_synchronised ? Verdict::found : Verdict::missing;
  f.detail = *host.clock_synchronised ? "by the kernel's word" : "the kernel says: not synchronised";
  return f;
}

Finding judge_nftables(const HostFacts& host) {
  Finding f{"nftables",
            Verdict::not_tested,
            Weight::useful,
            "whether the kernel answers could not be found out",
            "the second wall around egress; jobs without egress need none",
            "apt install nftables; modprobe nf_tables"};
  if (!host.nft || !host.nf_tables) return f;
  f.verdict = !host.nft->empty() && *host.nf_tables ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("{}, the kernel {}", host.nft->empty() ? "no program nft" : *host.nft,
                         *host.nf_tables ? "answers" : "has no nfnetlink");
  return f;
}

Finding judge_lsm(const HostFacts& host) {
  Finding f{"distribution.lsm",
            Verdict::not_tested,
            Weight::useful,
            "/sys/kernel/security/lsm cannot be read",
            "SELinux in force may refuse what Cordon does; this is known to work: AppArmor, Yama, Landlock",
            "the canary says whether jobs run; look for AVC in: journalctl -k"};
  if (!host.lsm) return f;
  f.detail = *host.lsm;
  const bool unknown_ground =
      host.lsm->find("selinux") != std::string::npos || host.lsm->find("smack") != std::string::npos;
  f.verdict = unknown_ground ? Verdict::not_tested : Verdict::found;
  if (unknown_ground) f.detail += ": Cordon has no policy for it";
  return f;
}

}  // namespace

Findings judge_cgroups(const CgroupFacts& cgroups) {
  return {judge_layout(cgroups), judge_kill(cgroups), judge_delegation(cgroups), judge_swap(cgroups)};
}

Findings judge_host(const HostFacts& host, const Config& config) {
  return {judge_ids(host, config), judge_disk(host, config), judge_memory(host, config), judge_pids(host, config),
          judge_clock(host),       judge_nftables(host),     judge_mkfs(host),           judge_lsm(host)};
}

}  // namespace cordon::cli::doctor
