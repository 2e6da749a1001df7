#include "profiles/actors.hpp"

#include <map>

#include "profiles/name.hpp"

namespace cordon {
namespace {

constexpr IntegerRange any_id{0, 0xfffffffe};

// Which actor has an id already, over all actors.
using Owners = std::map<std::uint32_t, std::string>;

std::vector<std::uint32_t> read_ids(ObjectReader& object, std::string_view key, const std::string& actor,
                                    Owners& owners, FieldErrors& errors) {
  const Json* ids = object.find(key);
  if (ids == nullptr) return {};
  if (!ids->is_array()) return object.error(key, "must be an array of numbers"), std::vector<std::uint32_t>{};
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    const auto pointer = pointer_to(object.pointer(key), i);
    const auto read = read_integer((*ids)[i], pointer, any_id, errors);
    if (!read) continue;
    const auto id = static_cast<std::uint32_t>(*read);
    if (id == overflow_id) errors.push_back({pointer, "65534 is what nobody known looks like: it is always denied"});
    const auto [owner, is_new] = owners.emplace(id, actor);
    if (!is_new) errors.push_back({pointer, "belongs to actor \"" + owner->second + "\" already"});
    out.push_back(id);
  }
  return out;
}

void read_roles(ObjectReader& object, ActorConfig& into) {
  std::vector<std::string> roles{"agent", "operator"};
  object.optional("roles", roles);
  into.may_be_agent = into.may_operate = false;
  for (const auto& role : roles) {
    if (role == "agent") {
      into.may_be_agent = true;
    } else if (role == "operator") {
      into.may_operate = true;
    } else {
      object.error("roles", "there are \"agent\" and \"operator\"");
    }
  }
  if (roles.empty()) object.error("roles", "an actor without a role could do nothing");
}

struct Known {
  Owners uids, gids;
  std::map<std::string, std::size_t> names;
};

ActorConfig read_actor(const Json& value, std::string_view pointer, Known& known, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  ActorConfig actor;
  actor.name = object.require_string("name");
  if (!actor.name.empty() && !is_name(actor.name)) object.error("name", name_rule);
  if (!known.names.emplace(actor.name, 0).second) object.error("name", "there is an actor of this name already");
  object.optional("tenant", actor.tenant);
  if (!is_name(actor.tenant)) object.error("tenant", name_rule);
  actor.uids = read_ids(object, "uids", actor.name, known.uids, errors);
  actor.gids = read_ids(object, "gids", actor.name, known.gids, errors);
  if (actor.uids.empty() && actor.gids.empty()) object.error("uids", "an actor needs a uid or a gid");
  read_roles(object, actor);
  object.refuse_unknown_keys();
  return actor;
}

void read_unknown(ObjectReader& document, ActorsConfig& into, FieldErrors& errors) {
  const Json* unknown = document.find("unknown_actors");
  if (unknown == nullptr) return;
  if (unknown->is_string() && *unknown == "deny") {
    into.unknown_tenant = std::nullopt;
    return;
  }
  if (!unknown->is_object()) return document.error("unknown_actors", R"(must be "deny" or {"tenant": NAME})");
  ObjectReader object(*unknown, "/unknown_actors", errors);
  into.unknown_tenant = object.require_string("tenant");
  if (!is_name(*into.unknown_tenant)) object.error("tenant", name_rule);
  object.refuse_unknown_keys();
}

}  // namespace

void read_actors(ObjectReader& document, ActorsConfig& into, FieldErrors& errors) {
  read_unknown(document, into, errors);
  const Json* actors = document.find("actors");
  if (actors == nullptr) return;
  if (!actors->is_array()) return document.error("actors", "must be an array");
  Known known;
  for (std::size_t i = 0; i < actors->size(); ++i) {
    into.known.push_back(read_actor((*actors)[i], pointer_to("/actors", i), known, errors));
  }
}

}  // namespace cordon
