#include "supervisor/authority/authority.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/authority/action.hpp"

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

Denied changed(const char* what) {
  return {"approval", std::string(what) + ": submit it again"};
}

std::uint32_t shortest(const std::vector<ApprovalNeed>& needs) {
  std::uint32_t seconds = longest_approval_s;
  for (const auto& need : needs) seconds = std::min(seconds, need.asks.expires_s);
  return seconds;
}

std::vector<std::string> resources_of(const JobOrder& order) {
  return {"image/" + order.image};
}

}  // namespace

Ruling Authority::ruling(const Account& account, const JobOrder& order, const Mandate& mandate) const {
  Proposal proposal;
  proposal.actor = account.actor;
  proposal.tenant = account.tenant;
  proposal.profile = order.profile;
  proposal.image = order.image;
  proposal.resources = resources_of(order);
  proposal.labels = order.labels;
  proposal.data = mandate.data;
  proposal.has_grant = !mandate.grant.empty();
  return judge(config_().policy, proposal);
}

std::string Authority::task_of(const std::string& grant) const {
  const auto* known = grants_.find(grant);
  return known == nullptr ? "" : known->terms.task;
}

// The name of the grant that the secret is of; empty: none was given.
tl::expected<std::string, Rejection> Authority::usable_grant(const Asked& asked, const Provenance& data) const {
  if (asked.grant.empty()) return std::string();
  const auto name = grant_name(asked.grant);
  const auto* grant = grants_.find(name);
  if (grant == nullptr || grant->terms.uid != asked.caller.uid)
    return tl::unexpected(grant_refused("unknown_grant", "there is no such grant of yours"));
  if (auto ended = grants_.ended(name, age_s())) return tl::unexpected(grant_refused("grant_ended", std::move(*ended)));
  if (grants_.is_used_up(name)) return tl::unexpected(grant_refused("grant_used_up", "the grant is used up"));
  GrantUse use{asked.caller.uid,
               asked.caller.account.actor,
               asked.caller.account.tenant,
               {},
               asked.order.profile,
               {},
               resources_of(asked.order),
               {data.data_classes.begin(), data.data_classes.end()}};
  if (auto why = beyond(grant->terms, use))
    return tl::unexpected(grant_refused("beyond_grant", "the grant does not cover it: " + *why));
  return name;
}

tl::expected<Mandate, Rejection> Authority::rule(const Asked& asked) const {
  const auto& account = asked.caller.account;
  Mandate mandate{asked.caller.uid, {}, asked.order.inputs, std::nullopt};
  mandate.data.tenants.insert(account.tenant);
  const auto secret_of = asked.grant.empty() ? std::string() : grant_name(asked.grant);
  mandate.data.join(contexts_.of(account.actor, task_of(secret_of)));
  auto grant = usable_grant(asked, mandate.data);
  if (!grant) return tl::unexpected(std::move(grant.error()));
  mandate.grant = std::move(*grant);
  const auto ruled = ruling(account, asked.order, mandate);
  if (ruled.verb == Verb::refuse) return tl::unexpected(policy_refused(ruled));
  if (ruled.verb == Verb::allow) return mandate;
  const auto expires = std::chrono::seconds(shortest(ruled.needs));
  Approval approval;
  approval.action = action_digest(asked.order, account, mandate, config_());
  approval.policy = config_().policy.digest;
  approval.body = sha256(asked.body);
  approval.expires_age_s = age_s() + expires.count();
  approval.submitter = account.actor;
  approval.submitter_uid = asked.caller.uid;
  approval.asked_at = std::chrono::system_clock::now();
  approval.expires_at = approval.asked_at + expires;
  approval.needs = ruled.needs;
  mandate.approval = std::move(approval);
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
    const auto ruled = ruling(account, order, *mandate);
    if (ruled.verb == Verb::allow) return *mandate;
    return tl::unexpected(Denied{"policy", fmt::format("rule \"{}\" came into force while it waited", ruled.rule)});
  }
  const auto& approval = *mandate->approval;
  if (approval.body != sha256(body))
    return tl::unexpected(changed("the request is not the one that was to be approved"));
  if (approval.action != action_digest(order, account, *mandate, config_()))
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
  const auto action = action_digest(job.order, job.account, job.mandate, config_());
  if (auto why = flaw(*job.mandate.approval, action, {}, config_().policy.digest, age_s()))
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

std::optional<ContextRow> Authority::begin_reading(const Job& job) {
  auto data = job.mandate.data;
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
