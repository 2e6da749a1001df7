// Looks at this host and this installation; judges nothing. What may not be looked at is said to be so (facts.hpp).
#pragma once

#include "cli/doctor/facts.hpp"
#include "cli/session.hpp"

namespace cordon::cli::doctor {

struct Places {
  std::string config_file = "/etc/cordon/cordon.json";
  std::string state_dir = "/var/lib/cordon";
  bool is_installed = true;  // false: a private instance, which has no named users and no packaged files
};

KernelFacts look_at_kernel();
CgroupFacts look_at_cgroups(const Session& session);
HostFacts look_at_host(const Places& places);
// Asks cordond what is granted, and the kernel for the wall. `info`: GET /v1/info, or null; it says how cordon-egress
// is.
EgressFacts look_at_egress(const Session& session, const Places& places, const EgressConfig& config,
                           const nlohmann::ordered_json& info);
InstanceFacts look_at_instance(const Session& session, const Places& places, bool with_canary);

std::optional<std::string> text_of_file(const std::string& path);  // nullopt: it cannot be read

}  // namespace cordon::cli::doctor
