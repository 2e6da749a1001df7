// How many sandboxes of a profile stand ready before anybody has asked for one ("warm" in cordon.json). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "profiles/json_reader.hpp"

namespace cordon {

struct WarmCounts {  // of sandboxes in which an interpreter waits
  std::uint32_t min = 1;
  std::uint32_t max = 4;
  bool operator==(const WarmCounts&) const = default;
};

struct WarmRule {
  std::uint32_t min = 2;       // of `image`, whether there are jobs or not; other images: none
  std::uint32_t max = 8;       // of one image, when there are many jobs
  std::string image = "host";  // any other has some while it is in demand
  std::map<std::string, WarmCounts> prestart =
      {};  // beside those, by what the profile's "prestart" names; of `image` only
  bool operator==(const WarmRule&) const = default;
};
using WarmRules = std::map<std::string, WarmRule>;  // by profile; one that is not here starts cold

// What holds when "warm" is not there; a profile that does not exist has none.
WarmRules default_warm_rules();

// "warm": {PROFILE: {"min", "max", "image", "prestart": {NAME: {"min", "max"}}}}; {}: all start cold. nullopt: the key
// is not there.
std::optional<WarmRules> read_warm(ObjectReader& document, FieldErrors& errors);

}  // namespace cordon
