// People's consent to one action, and to no other: bound to the digests of what it is for, good once, for a time, given
// by so many different people, none of whom asked for it. Pure: time comes in as the journal's age, which no step of a
// clock moves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"
#include "supervisor/authority/ruling.hpp"
#include "supervisor/http/problem.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {

// Somebody on operator.sock, as the kernel and the configuration name them.
struct Approver {
  std::string actor;
  std::uint32_t uid = 0;
  std::vector<std::string> roles;  // of the policy
  bool is_monitor = false;
};
Approver approver_of(const std::string& actor, std::uint32_t uid, const std::vector<std::uint32_t>& groups,
                     const AuthorityPolicy& policy);

struct Vote {
  Approver by;
  WallTime at;
};

enum class ApprovalState : std::uint8_t { waiting, granted, refused, consumed };
std::string_view to_string(ApprovalState state);

struct Approval {
  // What it binds.
  Sha256 action{};  // of the canonical form of all that will run
  Sha256 tool{};    // of the tool's declaration; of a plain job zeros
  Sha256 policy{};
  Sha256 body{};  // of the request as it is kept while it waits
  std::int64_t expires_age_s = 0;

  std::string submitter;  // an actor
  std::uint32_t submitter_uid = 0;
  WallTime asked_at, expires_at;  // to be read, not to be decided by
  std::vector<ApprovalNeed> needs;
  std::vector<Vote> votes;
  ApprovalState state = ApprovalState::waiting;

  Sha256 binding() const;  // of what it binds: what an approver must name
  std::size_t given(const ApprovalNeed& need) const;
  bool is_complete() const;
};

// Why this person cannot consent to it; nullopt: they can. `shown`: the binding that they were shown.
std::optional<Rejection> objection(const Approval& approval, const Approver& approver, const Sha256& shown,
                                   std::int64_t age_s);
// A granted or complete one that is no longer what was consented to, or no longer good; nullopt: it still is.
std::optional<std::string> flaw(const Approval& approval, const Sha256& action, const Sha256& tool,
                                const Sha256& policy, std::int64_t age_s);

Json to_json(const Approval& approval);  // for the journal
// nullopt: it is not what to_json() wrote.
std::optional<Approval> parse_approval(const Json& value);
Json told(const Approval& approval);  // in a job's report

}  // namespace cordon
