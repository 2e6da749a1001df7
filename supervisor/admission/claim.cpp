#include "supervisor/admission/claim.hpp"

namespace cordon {

std::string_view to_string(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::tenant:
      return "tenant";
    case ScopeKind::actor:
      return "actor";
    case ScopeKind::tool:
      return "tool";
    case ScopeKind::profile:
      break;
  }
  return "profile";
}

std::vector<LimitScope> scopes_of(const Claim& claim) {
  std::vector<LimitScope> scopes{{ScopeKind::tenant, claim.tenant}, {ScopeKind::actor, claim.actor}};
  if (!claim.tool.empty()) scopes.push_back({ScopeKind::tool, claim.tool});
  if (!claim.profile.empty()) scopes.push_back({ScopeKind::profile, claim.profile});
  return scopes;
}

}  // namespace cordon
