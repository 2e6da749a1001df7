// Who a configuration knows: which uids and groups are which actor, of which tenant. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/json_reader.hpp"

namespace cordon {

inline constexpr std::uint32_t overflow_id = 65534;  // what an unmapped uid or gid looks like: never anybody

struct ActorConfig {
  std::string name;
  std::string tenant = "default";
  std::vector<std::uint32_t> uids;               // whoever has one of these
  std::vector<std::uint32_t> gids;               // and members of these whose uid no actor names
  bool may_be_agent = true, may_operate = true;  // "roles": beside what the sockets' groups say
};

struct ActorsConfig {
  std::vector<ActorConfig> known;
  // Everybody else is actor "uid:N" of this tenant; nullopt: denied.
  std::optional<std::string> unknown_tenant = "default";
};

// "actors": [{"name", "tenant", "uids", "gids", "roles"}], "unknown_actors": "deny" or {"tenant": NAME}
void read_actors(ObjectReader& document, ActorsConfig& into, FieldErrors& errors);

}  // namespace cordon
