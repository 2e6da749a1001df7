#include "supervisor/authority/approval.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "profiles/canonical_json.hpp"

namespace cordon {
namespace {

bool has(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// No role is asked for: any operator will do.
bool counts_for(const Approver& approver, const ApprovalNeed& need) {
  return need.asks.by.empty() || std::any_of(need.asks.by.begin(), need.asks.by.end(),
                                             [&](const auto& role) { return has(approver.roles, role); });
}

Rejection refused(unsigned status, const char* code, std::string detail, const char* remedy) {
  return {status, code, status == 409 ? "Conflict" : "Forbidden", std::move(detail), remedy};
}

std::string roles_in(const Approval& approval) {
  std::string out;
  for (const auto& need : approval.needs) {
    for (const auto& role : need.asks.by) out += (out.empty() ? "" : ", ") + role;
  }
  return out;
}

Json needs_json(const Approval& approval) {
  Json out = Json::array();
  for (const auto& need : approval.needs) {
    out.push_back({{"rule", need.rule},
                   {"why", need.why},
                   {"by", need.asks.by},
                   {"people", need.asks.people},
                   {"expires_s", need.asks.expires_s},
                   {"given", approval.given(need)}});
  }
  return out;
}

Json binding_json(const Approval& approval) {
  return {{"action_sha256", hex(approval.action)},   {"tool_sha256", hex(approval.tool)},
          {"policy_sha256", hex(approval.policy)},   {"body_sha256", hex(approval.body)},
          {"expires_age_s", approval.expires_age_s}, {"submitter", approval.submitter},
          {"submitter_uid", approval.submitter_uid}, {"asked_at_us", unix_us(approval.asked_at)}};
}

WallTime time_of(const Json& value) {
  return WallTime(std::chrono::microseconds(value.get<std::int64_t>()));
}

Sha256 digest_of(const Json& value) {
  const auto digest = parse_hex(value.get<std::string>());
  if (!digest) throw std::invalid_argument("no digest");
  return *digest;
}

std::uint32_t id_of(const Json& value) {
  return value.get<std::uint32_t>();
}

Approval parse(const Json& value) {
  const auto& binding = value.at("binding");
  Approval approval;
  approval.action = digest_of(binding.at("action_sha256"));
  approval.tool = digest_of(binding.at("tool_sha256"));
  approval.policy = digest_of(binding.at("policy_sha256"));
  approval.body = digest_of(binding.at("body_sha256"));
  approval.expires_age_s = binding.at("expires_age_s");
  approval.submitter = binding.at("submitter");
  approval.submitter_uid = id_of(binding.at("submitter_uid"));
  approval.asked_at = time_of(value.at("asked_at_us"));
  approval.expires_at = time_of(value.at("expires_at_us"));
  for (const auto& need : value.at("needs"))
    approval.needs.push_back(
        {need.at("rule"),
         need.at("why"),
         {need.at("by").get<std::vector<std::string>>(), need.at("people"), need.at("expires_s")}});
  for (const auto& vote : value.at("votes"))
    approval.votes.push_back(
        {{vote.at("actor"), id_of(vote.at("uid")), vote.at("roles").get<std::vector<std::string>>()},
         time_of(vote.at("at_us"))});
  const std::string state = value.at("state");
  for (const auto one : {ApprovalState::granted, ApprovalState::refused, ApprovalState::consumed}) {
    if (state == to_string(one)) approval.state = one;
  }
  return approval;
}

}  // namespace

std::string_view to_string(ApprovalState state) {
  constexpr std::string_view words[] = {"waiting", "granted", "refused", "consumed"};
  return words[static_cast<std::size_t>(state)];
}

Approver approver_of(const std::string& actor, std::uint32_t uid, const std::vector<std::uint32_t>& groups,
                     const AuthorityPolicy& policy) {
  Approver approver{actor, uid, {}, has(policy.monitors, actor)};
  for (const auto& [name, role] : policy.roles) {
    const bool by_group = std::any_of(role.gids.begin(), role.gids.end(), [&](std::uint32_t gid) {
      return std::find(groups.begin(), groups.end(), gid) != groups.end();
    });
    if (by_group || has(role.actors, actor) || has(role.actors, "*")) approver.roles.push_back(name);
  }
  return approver;
}

Sha256 Approval::binding() const {
  return canonical_digest(binding_json(*this));
}

std::size_t Approval::given(const ApprovalNeed& need) const {
  return static_cast<std::size_t>(
      std::count_if(votes.begin(), votes.end(), [&](const Vote& vote) { return counts_for(vote.by, need); }));
}

bool Approval::is_complete() const {
  return !needs.empty() &&
         std::all_of(needs.begin(), needs.end(), [&](const auto& need) { return given(need) >= need.asks.people; });
}

std::optional<Rejection> objection(const Approval& approval, const Approver& approver, const Sha256& shown,
                                   std::int64_t age_s) {
  if (approval.state != ApprovalState::waiting)
    return refused(409, "not_awaiting_approval", fmt::format("it is {} already", to_string(approval.state)),
                   "An approval is good for one action, once.");
  if (age_s >= approval.expires_age_s)
    return refused(409, "approval_expired", "the time to approve it is over", "Have it submitted again.");
  if (approver.uid == approval.submitter_uid || approver.actor == approval.submitter)
    return refused(403, "self_approval", "whoever asked for it cannot approve it", "Have somebody else look at it.");
  if (approver.is_monitor)
    return refused(403, "monitor_can_only_tighten", "a monitor can deny, and approve nothing",
                   "Have a person look at it.");
  for (const auto& vote : approval.votes) {
    if (vote.by.uid == approver.uid || vote.by.actor == approver.actor)
      return refused(409, "approved_already", "you have approved it already", "It needs somebody else, too.");
  }
  const bool is_asked = std::any_of(approval.needs.begin(), approval.needs.end(),
                                    [&](const auto& need) { return counts_for(approver, need); });
  if (!is_asked)
    return refused(403, "not_an_approver", "it is to be approved by: " + roles_in(approval),
                   "\"policy\" in cordon.json says who has which role.");
  if (shown != approval.binding())
    return refused(409, "binding_mismatch", "what you were shown is not what waits here",
                   "Look at it again: cordon approvals.");
  return std::nullopt;
}

std::optional<std::string> flaw(const Approval& approval, const Sha256& action, const Sha256& tool,
                                const Sha256& policy, std::int64_t age_s) {
  if (!approval.is_complete()) return "not enough people have approved it";
  if (age_s >= approval.expires_age_s) return "the approval has expired";
  if (action != approval.action) return "the action is not the one that was approved";
  if (tool != approval.tool) return "the tool is not the one that was approved";
  if (policy != approval.policy) return "the policy is not the one under which it was approved";
  return std::nullopt;
}

Json to_json(const Approval& approval) {
  Json votes = Json::array();
  for (const auto& vote : approval.votes)
    votes.push_back(
        {{"actor", vote.by.actor}, {"uid", vote.by.uid}, {"roles", vote.by.roles}, {"at_us", unix_us(vote.at)}});
  return {{"binding", binding_json(approval)},
          {"asked_at_us", unix_us(approval.asked_at)},
          {"expires_at_us", unix_us(approval.expires_at)},
          {"needs", needs_json(approval)},
          {"votes", std::move(votes)},
          {"state", to_string(approval.state)}};
}

std::optional<Approval> parse_approval(const Json& value) {
  try {
    return parse(value);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Json told(const Approval& approval) {
  Json votes = Json::array();
  for (const auto& vote : approval.votes) votes.push_back({{"actor", vote.by.actor}, {"at", rfc3339(vote.at)}});
  return {{"state", to_string(approval.state)},     {"binding_sha256", hex(approval.binding())},
          {"action_sha256", hex(approval.action)},  {"policy_sha256", hex(approval.policy)},
          {"needs", needs_json(approval)},          {"votes", std::move(votes)},
          {"asked_at", rfc3339(approval.asked_at)}, {"expires_at", rfc3339(approval.expires_at)}};
}

}  // namespace cordon
