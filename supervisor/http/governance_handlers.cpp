// Who answers for what, and which controls are in force or only on trial.
#include "supervisor/http/api.hpp"
#include "supervisor/http/json_answer.hpp"

namespace cordon {
namespace {

Json owners_json(const Api& api) {
  Json out = Json::array();
  const auto& policy = api.catalog->config.policy;
  for (const auto concern : concerns) {
    const auto owner = policy.owners.find(std::string(concern));
    out.push_back({{"concern", concern}, {"owner", owner == policy.owners.end() ? Json() : Json(owner->second)}});
  }
  for (const auto& [name, tool] : api.catalog->tools)
    out.push_back({{"concern", "tool/" + name}, {"owner", tool->tool.owner}});
  return out;
}

Json verb_json(const Consequence& then) {
  switch (then.verb) {
    case Verb::allow:
      return "allow";
    case Verb::refuse:
      return "refuse";
    case Verb::require_approval:
      break;
  }
  return {{"require_approval",
           {{"by", then.approval.by}, {"people", then.approval.people}, {"expires_s", then.approval.expires_s}}}};
}

Json control(const std::string& name, const std::string& what, bool experimental, Json effect) {
  return {{"control", name},
          {"what", what},
          {"status", experimental ? "experimental" : "production"},
          {"effect", std::move(effect)}};
}

// An experimental control tightens only: read_policy() refuses one that would allow, routes.cpp a monitor that would.
Json controls_json(const Api& api) {
  const auto& policy = api.catalog->config.policy;
  Json out = Json::array();
  out.push_back(control("otherwise", "what no rule of the policy speaks of", false, verb_json(policy.otherwise)));
  for (const auto& rule : policy.rules)
    out.push_back(control("rule/" + rule.name, rule.why, rule.experimental, verb_json(rule.then)));
  for (const auto& monitor : policy.monitors)
    out.push_back(
        control("monitor/" + monitor, "may deny what waits, kill and revoke; approves nothing", true, "deny"));
  for (const auto& trip : api.catalog->config.operations.trip_rules)
    out.push_back(control("trip/" + trip.control, trip.reason, false, "kill"));
  return out;
}

}  // namespace

awaitable<Answer> get_governance(Api* api, RequestPtr, Parameters) {
  const auto& policy = api->catalog->config.policy;
  Json engaged = Json::array();
  for (const auto& one : api->kill_latch.state().engaged()) engaged.push_back(to_string(one.scope));
  Json roles = Json::object();
  for (const auto& [name, role] : policy.roles) roles[name] = {{"actors", role.actors}, {"gids", role.gids}};
  co_return json_response({{"policy_sha256", hex(policy.digest)},
                           {"owners", owners_json(*api)},
                           {"roles", std::move(roles)},
                           {"controls", controls_json(*api)},
                           {"grants", api->authority.grants().of(std::nullopt).size()},
                           {"awaiting_approval", api->life.holds().waiting().size()},
                           {"kill_switches", std::move(engaged)}});
}

}  // namespace cordon
