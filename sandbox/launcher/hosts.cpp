#include "sandbox/launcher/hosts.hpp"

#include "netfilter/egress_job.hpp"

namespace cordon {

std::string hosts_of(const EgressGrants& grants) {
  EgressJob job;
  job.grants = grants;
  assign_synthetic_addresses(job);
  std::string hosts = "127.0.0.1 localhost cordon\n::1 localhost cordon\n";
  for (const auto& [name, address] : job.names) hosts += to_text(address) + " " + name + "\n";
  return hosts;
}

}  // namespace cordon
