#include "profiles/authority_policy.hpp"

#include <algorithm>

#include "profiles/canonical_json.hpp"
#include "profiles/name.hpp"
#include "profiles/tool.hpp"

namespace cordon {
namespace {

constexpr std::size_t max_rules = 256, max_text = 512;

void read_flag(ObjectReader& object, std::string_view key, bool& into) {
  const Json* value = object.find(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return object.error(key, "must be true or false");
  into = value->get<bool>();
}

std::string read_text(ObjectReader& object, std::string_view key) {
  auto text = object.require_string(key);
  if (text.size() > max_text) object.error(key, "has more than 512 bytes");
  return text;
}

bool is_unlisted(std::string_view name) {
  return name.starts_with("uid:") && name.size() > 4 && name.find_first_not_of("0123456789", 4) == name.npos;
}

// A rule about nobody would be one that somebody believes in and that does not hold.
void refuse_unknown_actors(const std::vector<std::string>& names, const std::string& pointer,
                           const ActorsConfig& actors, FieldErrors& errors) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool known = names[i] == "*" || is_unlisted(names[i]) ||
                       std::any_of(actors.known.begin(), actors.known.end(),
                                   [&](const ActorConfig& actor) { return actor.name == names[i]; });
    if (!known) errors.push_back({pointer_to(pointer, i), "there is no such actor in \"actors\""});
  }
}

void refuse_unknown_tenants(const std::vector<std::string>& names, const std::string& pointer,
                            const ActorsConfig& actors, FieldErrors& errors) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool known = names[i] == "*" || actors.unknown_tenant == names[i] ||
                       std::any_of(actors.known.begin(), actors.known.end(),
                                   [&](const ActorConfig& actor) { return actor.tenant == names[i]; });
    if (!known) errors.push_back({pointer_to(pointer, i), "no actor belongs to this tenant"});
  }
}

ApproverRole read_role(const Json& value, const std::string& pointer, const ActorsConfig& actors, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  ApproverRole role;
  object.optional("actors", role.actors);
  refuse_unknown_actors(role.actors, object.pointer("actors"), actors, errors);
  if (const Json* gids = object.find("gids")) {
    if (!gids->is_array()) object.error("gids", "must be an array of numbers");
    for (std::size_t i = 0; gids->is_array() && i < gids->size(); ++i) {
      const auto gid = read_integer((*gids)[i], pointer_to(object.pointer("gids"), i), {0, 0xfffffffe}, errors);
      if (gid && *gid == overflow_id) object.error("gids", "65534 is what nobody known looks like");
      if (gid) role.gids.push_back(static_cast<std::uint32_t>(*gid));
    }
  }
  object.refuse_unknown_keys();
  if (role.actors.empty() && role.gids.empty()) errors.push_back({pointer, "a role needs actors or gids"});
  return role;
}

void read_roles(ObjectReader& policy, const ActorsConfig& actors, AuthorityPolicy& into, FieldErrors& errors) {
  const Json* roles = policy.find("roles");
  if (roles == nullptr) return;
  if (!roles->is_object()) return policy.error("roles", "must be an object");
  for (const auto& [name, value] : roles->items()) {
    const auto pointer = pointer_to("/policy/roles", name);
    if (!is_name(name)) errors.push_back({pointer, name_rule});
    into.roles.emplace(name, read_role(value, pointer, actors, errors));
  }
}

// nullopt: as many as there are members of a group, which is not known here.
std::optional<std::size_t> people_in(const std::vector<std::string>& by, const AuthorityPolicy& policy) {
  std::vector<std::string> names;
  for (const auto& role_name : by) {
    const auto role = policy.roles.find(role_name);
    if (role == policy.roles.end() || !role->second.gids.empty()) return std::nullopt;
    for (const auto& actor : role->second.actors) {
      if (actor == "*") return std::nullopt;
      if (std::find(names.begin(), names.end(), actor) == names.end()) names.push_back(actor);
    }
  }
  return by.empty() ? std::nullopt : std::optional(names.size());
}

ApprovalRule read_approval(const Json& value, const std::string& pointer, const AuthorityPolicy& policy,
                           FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  ApprovalRule rule;
  object.optional("by", rule.by);
  for (std::size_t i = 0; i < rule.by.size(); ++i) {
    if (!policy.roles.contains(rule.by[i]))
      errors.push_back({pointer_to(object.pointer("by"), i), "there is no such role in \"roles\""});
  }
  object.optional("people", {1, most_approvers}, rule.people);
  object.optional("expires_s", {1, longest_approval_s}, rule.expires_s);
  if (const auto there_are = people_in(rule.by, policy); there_are && *there_are < rule.people)
    object.error("people", "the roles have only " + std::to_string(*there_are));
  object.refuse_unknown_keys();
  return rule;
}

Consequence read_consequence(const Json& value, const std::string& pointer, const AuthorityPolicy& policy,
                             FieldErrors& errors) {
  if (value == "allow") return {};
  if (value == "refuse") return {Verb::refuse};
  if (!value.is_object()) {
    errors.push_back({pointer, R"(must be "allow", "refuse" or {"require_approval": {…}})"});
    return {Verb::refuse};
  }
  ObjectReader object(value, pointer, errors);
  Consequence then{Verb::require_approval};
  if (const Json* approval = object.require("require_approval"))
    then.approval = read_approval(*approval, object.pointer("require_approval"), policy, errors);
  object.refuse_unknown_keys();
  return then;
}

void read_words(ObjectReader& when, Condition& into, const std::string& pointer, FieldErrors& errors) {
  std::string trust, grant;
  when.optional("trust", trust);
  when.optional("grant", grant);
  if (!trust.empty() && trust != "untrusted") when.error("trust", "must be \"untrusted\"");
  if (!grant.empty() && grant != "none") when.error("grant", "must be \"none\"");
  into.untrusted = !trust.empty();
  into.without_grant = !grant.empty();
  for (std::size_t i = 0; i < into.side_effects.size(); ++i) {
    if (into.side_effects[i] != "*" && !parse_side_effects(into.side_effects[i]))
      errors.push_back({pointer_to(pointer + "/side_effects", i), "is no class of side effects"});
  }
}

void read_labels(ObjectReader& when, Condition& into, FieldErrors& errors) {
  const Json* labels = when.find("labels");
  if (labels == nullptr) return;
  if (!labels->is_object()) return when.error("labels", "must be an object of strings");
  for (const auto& [name, value] : labels->items()) {
    if (auto text = read_string(value, pointer_to(when.pointer("labels"), name), errors))
      into.labels.emplace(name, std::move(*text));
  }
}

Condition read_condition(const Json& value, const std::string& pointer, const ActorsConfig& actors,
                         FieldErrors& errors) {
  ObjectReader when(value, pointer, errors);
  Condition condition;
  when.optional("tools", condition.tools);
  when.optional("side_effects", condition.side_effects);
  when.optional("profiles", condition.profiles);
  when.optional("images", condition.images);
  when.optional("tenants", condition.tenants);
  when.optional("actors", condition.actors);
  when.optional("data_classes", condition.data_classes);
  when.optional("resources", condition.resources);
  read_flag(when, "crosses_tenant", condition.crosses_tenant);
  read_labels(when, condition, errors);
  read_words(when, condition, pointer, errors);
  when.refuse_unknown_keys();
  refuse_unknown_actors(condition.actors, pointer + "/actors", actors, errors);
  refuse_unknown_tenants(condition.tenants, pointer + "/tenants", actors, errors);
  return condition;
}

PolicyRule read_rule(const Json& value, const std::string& pointer, const ActorsConfig& actors,
                     const AuthorityPolicy& policy, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  PolicyRule rule;
  rule.name = read_text(object, "name");
  rule.why = read_text(object, "why");
  if (!rule.name.empty() && !is_name(rule.name)) object.error("name", name_rule);
  const auto is_same = [&](const PolicyRule& other) { return other.name == rule.name; };
  if (std::any_of(policy.rules.begin(), policy.rules.end(), is_same)) object.error("name", "is another rule's already");
  read_flag(object, "experimental", rule.experimental);
  if (const Json* when = object.require("when"))
    rule.when = read_condition(*when, object.pointer("when"), actors, errors);
  if (const Json* then = object.require("then"))
    rule.then = read_consequence(*then, object.pointer("then"), policy, errors);
  if (rule.experimental && rule.then.verb == Verb::allow)
    object.error("then", "an experimental rule can only tighten, and this one would allow");
  object.refuse_unknown_keys();
  return rule;
}

void read_owners(ObjectReader& policy, AuthorityPolicy& into, FieldErrors& errors) {
  const Json* owners = policy.find("owners");
  if (owners == nullptr) return;
  ObjectReader object(*owners, "/policy/owners", errors);
  for (const auto concern : concerns) {
    std::string owner;
    object.optional(concern, owner);
    if (owner.size() > max_text) object.error(concern, "has more than 512 bytes");
    if (!owner.empty()) into.owners.emplace(concern, std::move(owner));
  }
  object.refuse_unknown_keys();
}

void read_rules(ObjectReader& object, const ActorsConfig& actors, AuthorityPolicy& into, FieldErrors& errors) {
  const Json* rules = object.find("rules");
  if (rules == nullptr) return;
  if (!rules->is_array() || rules->size() > max_rules) return object.error("rules", "must be an array of at most 256");
  for (std::size_t i = 0; i < rules->size(); ++i)
    into.rules.push_back(read_rule((*rules)[i], pointer_to("/policy/rules", i), actors, into, errors));
}

}  // namespace

bool covers(const std::string& pattern, const std::string& name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

void read_policy(ObjectReader& document, const ActorsConfig& actors, AuthorityPolicy& into, FieldErrors& errors) {
  const Json* value = document.find("policy");
  into.digest = canonical_digest(Json::object());
  if (value == nullptr) return;
  if (const auto text = canonical_form(*value)) into.digest = sha256(*text);
  ObjectReader object(*value, "/policy", errors);
  read_owners(object, into, errors);
  read_roles(object, actors, into, errors);
  object.optional("monitors", into.monitors);
  refuse_unknown_actors(into.monitors, "/policy/monitors", actors, errors);
  if (const Json* otherwise = object.find("otherwise"))
    into.otherwise = read_consequence(*otherwise, "/policy/otherwise", into, errors);
  read_rules(object, actors, into, errors);
  object.refuse_unknown_keys();
}

}  // namespace cordon
