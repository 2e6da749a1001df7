#include "supervisor/authority/authority.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/authority/action.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {
namespace {

Rejection policy_refused(const Ruling& ruling) {
  return {403, "policy_refused", "Forbidden", fmt::format("rule \"{}\" refuses it: {}", ruling.rule, ruling.why),
          "Nothing was started. The operator's \"policy\" says what is allowed."};
}

Rejection grant_refused(std::string code, std::string why) {
  return {403, std::move(code), "Forbidden", std::move(why),
          "Nothing was started. Ask an operator for a grant that covers it."};
}

// What one actor can declare bit by bit is on all that it asks for afterwards.
constexpr std::size_t most_data_classes = 256;

Rejection too_many_classes() {
  return {403, "too_many_data_classes", "Forbidden", "what would go in has more than 256 data classes",
          "Declare fewer. What the actor has read stays on it until an operator clears its context."};
}

Denied changed(const char* what) {
  return {"approval", std::string(what) + ": submit it again"};
}

std::uint32_t shortest(const std::vector<ApprovalNeed>& needs) {
  std::uint32_t seconds = longest_approval_s;
  for (const auto& need : needs) seconds = std::min(seconds, need.asks.expires_s);
  return seconds;
}

const Tool* tool_of(const JobOrder& order) {
  return order.call ? &order.call->tool->tool : nullptr;
}

Sha256 tool_digest(const JobOrder& order) {
  return order.call ? order.call->digest : Sha256{};
}

std::string place_of(const EgressGrant& grant) {
  return grant.name.empty() ? to_text(grant.network) : grant.name;
}

// Whatever the policy says: what undoes a call is a call that nobody had thought of when the first was allowed.
ApprovalNeed need_to_compensate() {
  return {"compensation", "a compensation always needs another person's approval", {}};
}

}  // namespace

Proposal Authority::proposal(const Account& account, const JobOrder& order, const Mandate& mandate) const {
  Proposal out;
  out.actor = account.actor;
  out.tenant = account.tenant;
  out.profile = order.profile;
  out.image = order.image;
  out.labels = order.labels;
  out.data = mandate.data;
  out.has_grant = !mandate.grant.empty();
  const auto* tool = tool_of(order);
  if (tool == nullptr) {
    out.resources = {"image/" + order.image};
    if (!order.egress.empty()) out.side_effects = SideEffects::external;  // it may tell others whatever it has
    for (const auto& grant : order.egress) out.resources.push_back("egress/" + place_of(grant));
    return out;
  }
  out.tool = tool->name;
  out.side_effects = order.call->health ? SideEffects::read_only : tool->side_effects;
  out.resources = tool->resources;
  for (const auto& grant : order.egress) out.resources.push_back("egress/" + place_of(grant));
  out.data.data_classes.insert(tool->data_classes.begin(), tool->data_classes.end());
  return out;
}

Ruling Authority::ruling(const JobOrder& order, const Proposal& proposal) const {
  auto ruled = judge(config_().policy, proposal);
  if (!order.call || order.call->compensates.empty() || ruled.verb == Verb::refuse) return ruled;
  ruled.verb = Verb::require_approval;
  ruled.needs.push_back(need_to_compensate());
  return ruled;
}

std::string Authority::task_of(const std::string& grant) const {
  const auto* known = grants_.find(grant);
  return known == nullptr ? "" : known->terms.task;
}

// The name of the grant that the secret is of; empty: none was given.
tl::expected<std::string, Rejection> Authority::usable_grant(const Petition& petition, const Proposal& proposal) const {
  if (petition.grant.empty()) return std::string();
  const auto name = grant_name(petition.grant);
  const auto* grant = grants_.find(name);
  if (grant == nullptr || grant->terms.uid != petition.caller.uid)
    return tl::unexpected(grant_refused("unknown_grant", "there is no such grant of yours"));
  if (auto ended = grants_.ended(name, age_s())) return tl::unexpected(grant_refused("grant_ended", std::move(*ended)));
  if (grants_.is_used_up(name)) return tl::unexpected(grant_refused("grant_used_up", "the grant is used up"));
  const auto effects = proposal.side_effects ? to_string(*proposal.side_effects) : std::string_view();
  const auto& classes = proposal.data.data_classes;
  const GrantUse use{petition.caller.uid, proposal.actor,       proposal.tenant,    proposal.tool,
                     proposal.profile,    std::string(effects), proposal.resources, {classes.begin(), classes.end()}};
  if (auto why = beyond(grant->terms, use))
    return tl::unexpected(grant_refused("beyond_grant", "the grant does not cover it: " + *why));
  return name;
}

Approval Authority::approval_for(const Petition& petition, const Mandate& mandate,
                                 std::vector<ApprovalNeed> needs) const {
  const auto expires = std::chrono::seconds(shortest(needs));
  const auto& account = petition.caller.account;
  Approval approval;
  approval.action = action_digest(petition.order, account, mandate, image_of(petition.order, config_()));
  approval.tool = tool_digest(petition.order);
  approval.policy = config_().policy.digest;
  approval.body = sha256(petition.body);
  approval.expires_age_s = age_s() + expires.count();
  approval.submitter = account.actor;
  approval.submitter_uid = petition.caller.uid;
  approval.asked_at = std::chrono::system_clock::now();
  approval.expires_at = approval.asked_at + expires;
  approval.needs = std::move(needs);
  return approval;
}

tl::expected<Mandate, Rejection> Authority::rule(const Petition& petition) const {
  const auto& account = petition.caller.account;
  Mandate mandate{petition.caller.uid, {}, petition.order.inputs, std::nullopt};
  mandate.data.tenants.insert(account.tenant);
  const auto given = petition.grant.empty() ? std::string() : grant_name(petition.grant);
  mandate.data.join(contexts_.of(account.actor, task_of(given)));
  if (mandate.data.data_classes.size() > most_data_classes) return tl::unexpected(too_many_classes());
  auto proposed = proposal(account, petition.order, mandate);
  auto grant = usable_grant(petition, proposed);
  if (!grant) return tl::unexpected(std::move(grant.error()));
  mandate.grant = std::move(*grant);
  proposed.has_grant = !mandate.grant.empty();
  auto ruled = ruling(petition.order, proposed);
  if (ruled.verb == Verb::refuse) return tl::unexpected(policy_refused(ruled));
  if (ruled.verb == Verb::require_approval) mandate.approval = approval_for(petition, mandate, std::move(ruled.needs));
  return mandate;
}

tl::expected<Mandate, Denied> Authority::resume(const Account& account, const JobOrder& order,
                                                const std::optional<std::string>& kept, std::string_view body) const {
  auto mandate = kept ? parse_mandate(*kept) : std::optional(Mandate{overflow_id, {}, order.inputs, std::nullopt});
  if (!mandate) return tl::unexpected(changed("what the journal says of its mandate is damaged"));
  if (!kept) {
    mandate->data.tenants.insert(account.tenant);
    mandate->data.join(contexts_.of(account.actor, ""));
  }
  if (!mandate->approval) {
    const auto ruled = ruling(order, proposal(account, order, *mandate));
    if (ruled.verb == Verb::allow) return *mandate;
    return tl::unexpected(Denied{"policy", fmt::format("rule \"{}\" came into force while it waited", ruled.rule)});
  }
  const auto& approval = *mandate->approval;
  if (approval.body != sha256(body))
    return tl::unexpected(changed("the request is not the one that was to be approved"));
  if (approval.action != action_digest(order, account, *mandate, image_of(order, config_())))
    return tl::unexpected(changed("the action is not the one that was to be approved"));
  if (approval.policy != config_().policy.digest)
    return tl::unexpected(changed("the policy is not the one under which it was to be approved"));
  if (age_s() >= approval.expires_age_s) return tl::unexpected(Denied{"timeout", "nobody approved it in time"});
  const bool is_live =
      approval.state == ApprovalState::waiting || (approval.state == ApprovalState::granted && approval.is_complete());
  if (!is_live) return tl::unexpected(changed("its approval is no longer good"));
  return *mandate;
}

std::optional<Denied> Authority::objection_to_start(const Job& job) const {
  if (!job.mandate.approval) return withdrawn(job);
  const auto action = action_digest(job.order, job.account, job.mandate, image_of(job.order, config_()));
  if (auto why = flaw(*job.mandate.approval, action, tool_digest(job.order), config_().policy.digest, age_s()))
    return Denied{"approval", *why};
  return withdrawn(job);
}

std::optional<Denied> Authority::withdrawn(const Job& job) const {
  if (!job.mandate.grant.empty()) {
    if (auto why = grants_.ended(job.mandate.grant, age_s())) return Denied{"grant", *why};
  }
  const auto& approval = job.mandate.approval;
  if (!approval) return std::nullopt;
  if (auto why = flaw(*approval, approval->action, approval->tool, config_().policy.digest, age_s()))
    return Denied{"approval", *why};
  return std::nullopt;
}

std::optional<WallTime> Authority::end_of(const Job& job) const {
  const auto* grant = grants_.find(job.mandate.grant);
  return grant == nullptr ? std::nullopt : std::optional(grant->expires_at);
}

std::optional<ContextRow> Authority::begin_reading(const Job& job) {
  auto data = job.written();
  data.tenants.erase(job.account.tenant);  // that one's own data is one's own is no news
  const auto task = task_of(job.mandate.grant);
  if (!contexts_.join(job.account.actor, task, data)) return std::nullopt;
  return ContextRow{job.account.actor, task, to_json(contexts_.of(job.account.actor, task)).dump()};
}

Approver Authority::approver(const Caller& caller) const {
  static const std::vector<std::uint32_t> none;
  return approver_of(caller.account.actor, caller.uid, caller.groups ? *caller.groups : none, config_().policy);
}

std::string without_secret(std::string body, const std::string& grant) {
  if (grant.empty()) return body;
  auto request = Json::parse(body);
  request.erase("grant");
  return request.dump();
}

}  // namespace cordon
