// The configuration and the profiles in force: loaded all or nothing, then never changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "profiles/config.hpp"
#include "profiles/profile.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {

struct Catalog {
  Config config;
  std::map<std::string, Profile> profiles;
  std::map<std::string, LoadedToolPtr> tools;
};
bool grants_egress(const Catalog& catalog);  // some profile does
using CatalogPtr = std::shared_ptr<const Catalog>;

struct CatalogFault {
  std::string file;
  FieldErrors errors;
};

// An absent configuration file means the defaults; so does an absent profile directory among several.
tl::expected<CatalogPtr, CatalogFault> load_catalog(const std::string& config_file);

}  // namespace cordon
