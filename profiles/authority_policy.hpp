// What needs people's approval and what is refused ("policy" in cordon.json). Of all rules that match, the most severe
// decides; "otherwise" decides where none does. An experimental rule can only tighten. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/actors.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/sha256.hpp"

namespace cordon {

// Who may approve, by name or by group. An approver is always somebody on operator.sock.
struct ApproverRole {
  std::vector<std::string> actors;
  std::vector<std::uint32_t> gids;
  bool operator==(const ApproverRole&) const = default;
};

struct ApprovalRule {
  std::vector<std::string> by;  // roles, any of which will do; empty: any operator
  std::uint32_t people = 1;     // so many different ones
  std::uint32_t expires_s = 3600;
  bool operator==(const ApprovalRule&) const = default;
};

enum class Verb : std::uint8_t { allow, require_approval, refuse };  // from mild to severe

struct Consequence {
  Verb verb = Verb::allow;
  ApprovalRule approval = {};  // of require_approval
  bool operator==(const Consequence&) const = default;
};

// All of what is named must hold; of a list, any one. "*" in a list is whatever is there at all.
struct Condition {
  std::vector<std::string> tools, side_effects, profiles, images, tenants, actors, data_classes;
  std::vector<std::string> resources;         // a trailing "*" stands for any end
  std::map<std::string, std::string> labels;  // of the job; "*": has this label
  bool untrusted = false;                     // "trust": "untrusted": data of untrusted origin is or may be in it
  bool crosses_tenant = false;                // data of another tenant is in it
  bool without_grant = false;                 // "grant": "none"
};

struct PolicyRule {
  std::string name, why;
  Condition when;
  Consequence then;
  bool experimental = false;
};

struct AuthorityPolicy {
  std::map<std::string, ApproverRole> roles;
  std::vector<std::string> monitors;  // actors that may deny, and loosen nothing
  std::vector<PolicyRule> rules;
  Consequence otherwise;
  std::map<std::string, std::string> owners;  // who is accountable for which concern; for `cordon governance`
  Sha256 digest{};                            // of the canonical form of "policy"; of {} without one
};

inline constexpr std::array<std::string_view, 8> concerns{"policy",    "profiles",    "tools",    "grants",
                                                          "approvals", "kill_switch", "evidence", "incidents"};
inline constexpr std::uint32_t most_approvers = 16, longest_approval_s = 7 * 86400;

// "policy": {"owners": {CONCERN: OWNER}, "roles": {NAME: {"actors", "gids"}}, "monitors": [ACTOR], "otherwise": THEN,
//   "rules": [{"name", "why", "when": {"tools", "side_effects", "profiles", "images", "tenants", "actors",
//     "data_classes", "resources", "labels": {NAME: VALUE}, "trust": "untrusted", "crosses_tenant": true,
//     "grant": "none"}, "then": THEN, "experimental": true}]}
// THEN: "allow", "refuse" or {"require_approval": {"by": [ROLE], "people", "expires_s"}}
// A rule about an actor or a role that nobody is, or for which there are too few people, is an error.
void read_policy(ObjectReader& document, const ActorsConfig& actors, AuthorityPolicy& into, FieldErrors& errors);

// "a/b" covers itself, "a/*" all that begins with "a/".
bool covers(const std::string& pattern, const std::string& name);

}  // namespace cordon
