// What was seen of the host and of the installation, without a judgement. Whatever could not be looked at is nullopt,
// or says why: a fact is never made up.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "profiles/config.hpp"

namespace cordon::cli::doctor {

enum class Presence { there, absent, not_told };

struct KernelFacts {
  std::string release;                    // "6.1.0-28-amd64"; empty: not told
  std::map<std::string, Presence> calls;  // by a call that fails in another way where it is known
  std::set<std::string> namespaces;       // as /proc/self/ns has them
  std::optional<std::string> seccomp_actions;
  std::optional<int> landlock_abi;  // 0: the kernel has none, or it is not turned on
  // Made by a child of ours that then exits: "" when they were made, otherwise what failed; nullopt: we are not root.
  std::optional<std::string> namespaces_made;
  std::map<std::string, Presence> file_systems;
  std::map<std::string, std::optional<std::string>> sysctls;
};

struct CgroupFacts {
  std::string unified;  // where the v2 tree is mounted; empty: nowhere
  std::set<std::string> controllers;
  std::set<std::string> legacy;     // v1 controllers
  std::optional<bool> can_kill;     // cgroup.kill is there; nullopt: there is no cgroup to look in
  std::optional<std::string> jobs;  // the launcher's directory for jobs; nullopt: no launcher told us
  std::set<std::string> jobs_controllers;
  std::optional<bool> limits_swap;  // or there is none; nullopt: there is no cgroup to look in
};

struct IdRange {
  std::uint64_t first = 0, count = 0;
  std::string where;  // "/etc/subuid: alice"
};

struct Disk {
  std::string path;
  std::uint64_t free_bytes = 0, free_inodes = 0;
};

struct HostFacts {
  std::vector<IdRange> ids;         // of others: accounts, groups and subordinate ranges
  std::vector<std::string> unread;  // files with ids that could not be read
  std::optional<Disk> state;
  std::optional<std::uint64_t> memory_available;
  std::optional<std::uint64_t> pids_left;
  std::optional<bool> clock_synchronised;
  std::optional<std::string> nft;  // the path of the program; empty: not there
  std::optional<bool> nf_tables;   // the kernel answers
  std::optional<std::string> lsm;  // the security modules in force
  std::optional<bool> mkfs_erofs;  // the program with which images are imported
};

struct Canary {
  bool ran = false;
  std::string why_not;  // or what came of it
  nlohmann::ordered_json job;
};

// well: nullopt where nobody could look; `detail` says why not, or what was seen.
struct Looked {
  std::optional<bool> well;
  std::string detail;
};

struct EgressFacts {
  struct Granting {
    std::vector<std::string> profiles;  // in force, with grants
    bool by_name = false;               // any of these, so that somebody must be asked for addresses
  };
  std::optional<Granting> granting;  // nullopt: cordond did not say
  Looked wall, proxy;                // of an instance that uses egress

  bool is_used(const EgressConfig& config) const {
    return !config.resolvers.empty() || (granting && !granting->profiles.empty());
  }
};

struct InstanceFacts {
  std::string config_file;
  std::optional<Config> config;  // nullopt: config_error says why
  std::string config_error;
  std::map<std::string, bool> accounts;        // "user cordon" -> is there
  std::map<std::string, std::string> files;    // program or directory -> what is wrong with it; "" when nothing is
  std::map<std::string, std::string> sockets;  // likewise
  std::map<std::string, Looked> images;        // configured ones that are a file or a directory
  std::string cli_version;
  nlohmann::ordered_json info;  // GET /v1/info; null: info_error says why
  std::string info_error;
  std::optional<std::vector<std::string>> engaged;  // kill scopes; nullopt: we may not ask
  Canary canary;
  EgressFacts egress;
};

}  // namespace cordon::cli::doctor
