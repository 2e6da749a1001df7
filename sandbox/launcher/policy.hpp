// The profiles and images of this instance, as finished values. JSON and libseccomp run in a child that ends at once:
// what stays resident, and what forks, holds only the blobs. Runs in: launcher, as root.
#pragma once

#include <string>
#include <vector>

#include "profiles/codec.hpp"
#include "profiles/config.hpp"
#include "profiles/limits.hpp"
#include "profiles/profile.hpp"

namespace cordon {

struct CompiledProfile {
  std::string name;
  Sha256 digest{};
  Limits ceiling;
  Limits defaults;               // of a sandbox that waits for its job
  std::vector<std::string> env;  // "NAME=value"
  Prestarts prestart;
  EgressGrants egress;
  CollectBounds collect;
  bool root_inside = false;
  std::uint32_t landlock_min_abi = 0;
  std::string refusals;  // sock_filter[]: which errno a refused call gets
  std::string filter;    // sock_filter[]: what is loaded
  Sha256 filter_digest{};
  std::vector<std::string> notes;  // what of its file was narrowed, unknown to libseccomp, or not for this machine
};

struct Policy {
  Config config;
  std::vector<CompiledProfile> profiles;
  std::string collector_filter;         // sock_filter[]
  std::string init_filter;              // sock_filter[]
  std::vector<std::string> call_names;  // by number, for what people read

  const CompiledProfile* find(const Sha256& digest) const;
};

// Reads configuration and profiles from root-owned files. `config_file` may be absent: defaults. Throws KernelError
// whose object says which file and where.
Policy load_policy(const std::string& config_file);

}  // namespace cordon
