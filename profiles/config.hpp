// One instance's configuration (cordon.json), read by cordond and by the launcher's compile child. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/actors.hpp"
#include "profiles/admission_rules.hpp"
#include "profiles/authority_policy.hpp"
#include "profiles/egress_config.hpp"
#include "profiles/field_error.hpp"
#include "profiles/operations_config.hpp"
#include "profiles/sha256.hpp"
#include "profiles/warm_rules.hpp"

namespace cordon {

struct ImageConfig {
  std::string rootfs{};  // absolute path of a root file system
  std::string file{};    // or of an imported image (`cordon image import`), with the digest that it must have
  Sha256 sha256{};

  bool is_host() const { return rootfs.empty() && file.empty(); }  // the embedded view of the host's /usr
  bool operator==(const ImageConfig&) const = default;
};

// What is kept as evidence (docs/evidence.md).
struct EvidenceRules {
  bool on = true;                   // off: only for an instance without cordon-ledger
  std::vector<std::string> redact;  // labels whose values stay out
  bool operator==(const EvidenceRules&) const = default;
};

struct Config {
  std::vector<std::string> profile_dirs{"/usr/share/cordon/profiles", "/etc/cordon/profiles"};  // later wins by name
  std::vector<std::string> tool_dirs{"/usr/share/cordon/tools", "/etc/cordon/tools.d"};         // likewise
  std::map<std::string, ImageConfig> images{{"host", {}}};
  std::string daemon_user = "cordon";               // an installed instance; private ones use numbers
  std::string ledger_user = "cordon-ledger";        // likewise
  std::string agent_group = "cordon";               // may open agent.sock
  std::string operator_group = "cordon-operators";  // may open operator.sock
  std::uint32_t first_uid = 1883242496;             // jobs' host uids and gids: [first_uid, first_uid + uid_count)
  std::uint32_t uid_count = 4096;                   // two per live job: the tool's and pid 1's
  std::uint32_t max_running = 256;                  // sandboxes at once
  std::uint32_t max_queued = 1024;
  std::uint32_t retain_jobs = 10000;                    // finished jobs kept
  std::uint64_t retain_bytes = std::uint64_t{1} << 30;  // of their reports, output and artifacts
  std::uint32_t retain_days = 30;
  std::optional<std::string> durability;  // of the journal: "process" or "power"; nullopt: as each job needs
  std::uint32_t max_connections_per_uid = 512;
  std::uint32_t max_connections = 8192;  // of everybody; when they are all taken, whoever has most gives one up
  std::optional<WarmRules> warm;         // nullopt: as default_warm_rules() has it
  ActorsConfig actors;
  AdmissionRules admission;
  AuthorityPolicy policy;
  OperationsConfig operations;
  EgressConfig egress;
  EvidenceRules evidence;
  Sha256 digest{};  // of its text; zeros: there is no file
};

// {"images": {"debian": {"rootfs": "/srv/debian"}, "web": {"file", "sha256"}}, "profile_dirs": […], "tool_dirs": […],
//  "users": {"daemon", "ledger", "agents", "operators"},
//  "uids": {"first", "count"}, "max_running", "max_queued", "retain": {"jobs", "bytes", "days"},
//  "journal": {"durability"}, "max_connections_per_uid", "max_connections",
//  "evidence": "on", "off" or {"redact": [LABEL…]}}, and what actors.hpp, admission_rules.hpp,
// authority_policy.hpp, egress_config.hpp, operations_config.hpp and warm_rules.hpp say
tl::expected<Config, FieldErrors> parse_config(std::string_view text);

}  // namespace cordon
