#include "supervisor/authority/ruling.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr const char* by_default = "otherwise";

// An empty list asks nothing.
bool names(const std::vector<std::string>& list, std::string_view name) {
  if (list.empty()) return true;
  return !name.empty() &&
         std::any_of(list.begin(), list.end(), [&](const auto& one) { return one == "*" || one == name; });
}

bool names_any(const std::vector<std::string>& list, const std::set<std::string>& there) {
  return list.empty() || std::any_of(there.begin(), there.end(), [&](const auto& one) { return names(list, one); });
}

bool covers_any(const std::vector<std::string>& patterns, const std::vector<std::string>& there) {
  return patterns.empty() || std::any_of(there.begin(), there.end(), [&](const auto& name) {
           return std::any_of(patterns.begin(), patterns.end(), [&](const auto& one) { return covers(one, name); });
         });
}

bool has_labels(const std::map<std::string, std::string>& wanted, const std::map<std::string, std::string>& there) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto at = there.find(label.first);
    return at != there.end() && (label.second == "*" || label.second == at->second);
  });
}

bool crosses_tenant(const Proposal& proposal) {
  return std::any_of(proposal.data.tenants.begin(), proposal.data.tenants.end(),
                     [&](const auto& tenant) { return tenant != proposal.tenant; });
}

void apply(const Consequence& then, const std::string& rule, const std::string& why, Ruling& ruling, bool is_first) {
  if (is_first || then.verb > ruling.verb) {
    ruling.verb = then.verb;
    ruling.rule = rule;
    ruling.why = why;
  }
  if (then.verb == Verb::require_approval) ruling.needs.push_back({rule, why, then.approval});
}

}  // namespace

bool matches(const Condition& when, const Proposal& proposal) {
  const auto effects = proposal.side_effects ? to_string(*proposal.side_effects) : std::string_view();
  return names(when.tools, proposal.tool) && names(when.side_effects, effects) &&
         names(when.profiles, proposal.profile) && names(when.images, proposal.image) &&
         names(when.tenants, proposal.tenant) && names(when.actors, proposal.actor) &&
         names_any(when.data_classes, proposal.data.data_classes) && covers_any(when.resources, proposal.resources) &&
         has_labels(when.labels, proposal.labels) && (!when.untrusted || proposal.data.untrusted) &&
         (!when.crosses_tenant || crosses_tenant(proposal)) && (!when.without_grant || !proposal.has_grant);
}

// An experimental rule cannot allow (read_policy), so that one which matches never keeps "otherwise" from being as
// severe as it is.
Ruling judge(const AuthorityPolicy& policy, const Proposal& proposal) {
  Ruling ruling;
  bool decided = false;
  for (const auto& rule : policy.rules) {
    if (rule.experimental || !matches(rule.when, proposal)) continue;
    apply(rule.then, rule.name, rule.why, ruling, !decided);
    decided = true;
  }
  if (!decided) apply(policy.otherwise, by_default, "no rule of the policy speaks of it", ruling, true);
  for (const auto& rule : policy.rules) {
    if (rule.experimental && matches(rule.when, proposal)) apply(rule.then, rule.name, rule.why, ruling, false);
  }
  if (ruling.verb != Verb::require_approval) ruling.needs.clear();
  return ruling;
}

}  // namespace cordon
