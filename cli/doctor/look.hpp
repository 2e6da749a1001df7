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
InstanceFacts look_at_instance(const Session& session, const Places& places, bool with_canary);

std::optional<std::string> text_of_file(const std::string& path);  // nullopt: it cannot be read

}  // namespace cordon::cli::doctor
