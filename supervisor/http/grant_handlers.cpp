// Grants: made by operators, narrowed by who holds them, revoked by both. And what an actor may have read so far.
#include <fmt/format.h>

#include <set>

#include "supervisor/authority/grant.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/json_answer.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

constexpr auto kill_patience = std::chrono::seconds(5);

tl::expected<GrantRequest, Rejection> parse_request(const std::string& body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return Refused(std::move(rejection));
  }
  FieldErrors errors;
  auto request = document->is_object() ? read_grant_request(*document, errors) : GrantRequest{};
  if (!document->is_object()) errors.push_back({"", "must be an object"});
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return request;
}

Subject subject_of(const Grant& grant) {
  return {grant.terms.actor.empty() ? "uid:" + std::to_string(grant.terms.uid) : grant.terms.actor, grant.terms.tenant};
}

// 404 for what is not there and for what is another's alike.
tl::expected<const Grant*, Rejection> find_grant(const Api& api, const Caller& caller, const std::string& name) {
  const auto* grant = api.authority.grants().find(name);
  const bool may_see =
      grant != nullptr && (caller.role == Role::operator_ || api.authority.grants().is_from(*grant, caller.uid));
  if (!may_see) return Refused(not_found("grant \"" + name + "\""));
  return grant;
}

tl::expected<bool, Rejection> flag(const Request& request, const std::string& name) {
  const auto at = request.target.query.find(name);
  if (at == request.target.query.end() || at->second == "false") return false;
  if (at->second == "true") return true;
  return Refused(Rejection{400, "invalid_parameter", "The input is not valid",
                           "query parameter \"" + name + "\" must be true or false", "Correct it."});
}

std::string tell_revoked(const std::string& grant, const std::string& by, const std::string& named) {
  if (grant == named) return fmt::format("grant {} was revoked by {}", grant, by);
  return fmt::format("grant {} was revoked by {} with grant {}, which it was made from", grant, by, named);
}

}  // namespace

Revocation revoke(Api& api, const std::string& name, const std::string& by, bool kill) {
  Revocation revocation{api.authority.revoke(name, by), {}, {}};
  for (const auto& one : revocation.grants)
    api.operations.tell(EventKind::grant_changed, subject_of(*api.authority.grants().find(one)),
                        tell_revoked(one, by, name));
  api.kill_latch.decide_again();
  const std::set<std::string> revoked(revocation.grants.begin(), revocation.grants.end());
  const auto under = api.store.select(
      [&](const Job& job) { return job.state != JobState::finished && revoked.contains(job.mandate.grant); });
  for (const auto& job : under)
    if (api.egress.revoke(job->id)) revocation.cut.push_back(job);
  api.egress.tell_cuts();  // before any of them is killed
  if (!kill) return revocation;
  revocation.killed = under;
  for (const auto& job : under) job->kill({"grant/" + job->mandate.grant, by, "the grant was revoked"});
  return revocation;
}

awaitable<Answer> make_grant(Api* api, RequestPtr request, Parameters) {
  auto wanted = parse_request(request->body);
  if (!wanted) co_return Refused(wanted.error());
  request->drop_body();
  auto minting = api->authority.mint(request->caller, std::move(*wanted));
  const auto minted = co_await std::move(minting);
  if (!minted) co_return Refused(minted.error());
  const auto& grant = minted->grant;
  api->operations.tell(EventKind::grant_changed, subject_of(grant),
                       "grant " + grant.name + " was made by " + grant.made_by +
                           (grant.parent.empty() ? "" : " from grant " + grant.parent));
  auto out = told(grant, api->authority.age_s());
  out["grant"] = minted->secret;  // this once
  auto response = json_response(out);
  response.status = 201;
  response.headers.emplace_back("Location", "/v1/grants/" + grant.name);
  co_return response;
}

awaitable<Answer> list_grants(Api* api, RequestPtr request, Parameters) {
  const auto& caller = request->caller;
  const auto whose = caller.role == Role::operator_ ? std::nullopt : std::optional(caller.uid);
  Json grants = Json::array();
  for (const auto* grant : api->authority.grants().of(whose)) grants.push_back(told(*grant, api->authority.age_s()));
  co_return json_response({{"grants", std::move(grants)}});
}

awaitable<Answer> get_grant(Api* api, RequestPtr request, Parameters parameters) {
  const auto grant = find_grant(*api, request->caller, parameters.at(0));
  if (!grant) co_return Refused(grant.error());
  co_return json_response(told(**grant, api->authority.age_s()));
}

awaitable<Answer> revoke_grant(Api* api, RequestPtr request, Parameters parameters) {
  const auto kill = flag(*request, "kill");
  if (!kill) co_return Refused(kill.error());
  const auto grant = find_grant(*api, request->caller, parameters.at(0));
  if (!grant) co_return Refused(grant.error());
  const auto revocation = revoke(*api, parameters.at(0), request->caller.account.actor, *kill);
  auto writing = api->authority.write_revoked(revocation.grants);
  const bool persisted = co_await std::move(writing);
  const auto deadline = Clock::now() + kill_patience;
  Json cut = Json::array(), killed = Json::array();
  bool all_cut = true;
  for (const auto& job : revocation.cut) {
    const auto flows = job->network;
    co_await until_cut(flows, request->client, deadline);
    all_cut = all_cut && !flows->is_flowing();
    cut.push_back(job->id);
  }
  for (const auto& job : revocation.killed) {
    co_await until_finished(job, request->client, deadline);
    killed.push_back(job->id);
  }
  co_return json_response({{"revoked", revocation.grants},
                           {"cut", std::move(cut)},
                           {"all_cut", all_cut},
                           {"killed", std::move(killed)},
                           {"persisted", persisted}});
}

awaitable<Answer> list_contexts(Api* api, RequestPtr, Parameters) {
  Json contexts = Json::array();
  for (const auto& [key, data] : api->authority.contexts().all())
    contexts.push_back({{"actor", key.first}, {"task", key.second}, {"provenance", to_json(data)}});
  co_return json_response({{"contexts", std::move(contexts)}});
}

awaitable<Answer> clear_context(Api* api, RequestPtr request, Parameters parameters) {
  const auto task = request->target.query.find("task");
  const auto& actor = parameters.at(0);
  const auto of_task = task == request->target.query.end() ? std::string() : task->second;
  auto clearing = api->authority.clear_context(actor, of_task);
  const bool cleared = co_await std::move(clearing);
  if (!cleared) co_return Refused(not_found("context of actor \"" + actor + "\""));
  api->operations.tell(EventKind::context_cleared, {actor},
                       (of_task.empty() ? "what it had read" : "what it had read for task " + of_task) +
                           " counts no longer: cleared by " + request->caller.account.actor);
  co_return json_response({{"cleared", true}});
}

}  // namespace cordon
