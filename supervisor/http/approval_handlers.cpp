// What waits for people: shown to operators whole, approved or denied by them.
#include <algorithm>

#include "profiles/json_reader.hpp"
#include "supervisor/authority/action.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/operator_input.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

Json shown(const Job& job, const Api& api) {
  const auto& approval = *job.mandate.approval;
  auto out = Json{{"job", job.id}};
  out.update(told(approval));
  out["expires_in_s"] = std::max<std::int64_t>(approval.expires_age_s - api.authority.age_s(), 0);
  out["submitter"] = {{"actor", approval.submitter}, {"uid", approval.submitter_uid}, {"tenant", job.account.tenant}};
  out["grant"] = job.mandate.grant.empty() ? Json() : Json(job.mandate.grant);
  if (job.state != JobState::awaiting_approval) return out;  // its input is gone, or about to be
  out["action"] = action_of(job.order, job.account, job.mandate, image_of(job.order, api.catalog->config));
  out["previews"] = previews_of(job.order);
  return out;
}

struct Decision {
  bool approve = false;
  Sha256 shown{};
  std::string reason;
};

Decision read_decision(ObjectReader& in) {
  Decision decision;
  const auto verb = in.require_string("decision");
  if (verb != "approve" && verb != "deny") in.error("decision", "must be approve or deny");
  decision.approve = verb == "approve";
  if (decision.approve) {
    const auto digest = parse_hex(in.require_string("binding_sha256"));
    if (!digest) in.error("binding_sha256", "must be the 64 digits that GET /v1/approvals shows");
    decision.shown = digest.value_or(Sha256{});
  } else {
    decision.reason = require_reason(in);
  }
  in.refuse_unknown_keys();
  return decision;
}

tl::expected<Decision, Rejection> parse_decision(const std::string& body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return Refused(std::move(rejection));
  }
  FieldErrors errors;
  ObjectReader in(*document, "", errors);
  auto decision = document->is_object() ? read_decision(in) : Decision{};
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return decision;
}

// One that has, or had, an approval to be given.
awaitable<tl::expected<JobPtr, Rejection>> find_held(Api* api, RequestPtr request, std::string id) {
  auto finding = find_job(api, request, id);
  const auto job = co_await std::move(finding);
  if (!job || (*job)->mandate.approval) co_return job;
  if ((*job)->told && !(*job)->told->before.value("approval", Json()).is_null())
    co_return Refused(Rejection{409, "not_awaiting_approval", "Conflict", "the job has ended", "Its report says how."});
  co_return Refused(not_found("approval for job \"" + id + "\""));
}

}  // namespace

awaitable<Answer> list_approvals(Api* api, RequestPtr, Parameters) {
  Json approvals = Json::array();
  for (const auto& job : api->life.holds().waiting()) approvals.push_back(shown(*job, *api));
  co_return json_response({{"approvals", std::move(approvals)}});
}

awaitable<Answer> get_approval(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_held(api, request, parameters.at(0));
  const auto job = co_await std::move(finding);
  if (!job) co_return Refused(job.error());
  co_return json_response(shown(**job, *api));
}

awaitable<Answer> decide_approval(Api* api, RequestPtr request, Parameters parameters) {
  const auto decision = parse_decision(request->body);
  if (!decision) co_return Refused(decision.error());
  auto finding = find_held(api, request, parameters.at(0));
  const auto found = co_await std::move(finding);
  if (!found) co_return Refused(found.error());
  const auto& job = *found;
  const auto approver = api->authority.approver(request->caller);
  tl::expected<void, Rejection> done;
  if (decision->approve) {
    auto approving = api->life.holds().approve(job, approver, decision->shown);
    done = co_await std::move(approving);
  } else {
    done = api->life.holds().deny(job, approver, decision->reason);
    if (done) co_await until_finished(job, request->client, Clock::time_point::max());
  }
  if (!done) co_return Refused(done.error());
  co_return json_response(shown(*job, *api));
}

}  // namespace cordon
