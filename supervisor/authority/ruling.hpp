// What policy says of one proposal: of a job or a call that somebody wants, before anything of it is done. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "profiles/authority_policy.hpp"
#include "profiles/tool.hpp"
#include "supervisor/authority/provenance.hpp"

namespace cordon {

// Everything that policy looks at.
struct Proposal {
  std::string actor, tenant;
  std::string tool;                         // empty: a plain job
  std::optional<SideEffects> side_effects;  // as the tool declares; a plain job has none
  std::string profile, image;
  std::vector<std::string> resources;
  std::map<std::string, std::string> labels;
  Provenance data;  // of all that goes in, and of all that whoever asks may have read before
  bool has_grant = false;
};

// One rule that asks for approval. Each of several is to be satisfied.
struct ApprovalNeed {
  std::string rule, why;
  ApprovalRule asks;
  bool operator==(const ApprovalNeed&) const = default;
};

struct Ruling {
  Verb verb = Verb::allow;
  std::string rule, why;  // that decided: the first of the most severe; "otherwise" where none matched
  std::vector<ApprovalNeed> needs;
};

Ruling judge(const AuthorityPolicy& policy, const Proposal& proposal);
bool matches(const Condition& when, const Proposal& proposal);

}  // namespace cordon
