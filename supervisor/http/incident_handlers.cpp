// An incident: everything that stops a scope, in the order in which it stops most soonest, with one receipt.
#include <algorithm>

#include "profiles/json_reader.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/kill_access.hpp"
#include "supervisor/http/operator_input.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

struct Incident {
  std::string scope, reason;
};

tl::expected<Incident, Rejection> parse_incident(const std::string& body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return Refused(std::move(rejection));
  }
  FieldErrors errors;
  ObjectReader in(*document, "", errors);
  Incident incident;
  if (document->is_object()) {
    incident = {in.require_string("scope"), require_reason(in)};
    in.refuse_unknown_keys();
  }
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return incident;
}

bool names(const NameList& list, const std::string& name) {
  return list && std::find(list->begin(), list->end(), name) != list->end();
}

// Of a scope that a grant does not name, it is as far as the configuration knows whose uid it is.
bool is_in(const Grant& grant, const Scope& scope, const Job* job, const ActorsConfig& actors) {
  const auto account = account_of(Peer{grant.terms.uid, {}}, Role::agent, actors);
  const auto actor = grant.terms.actor.empty() && account ? account->actor : grant.terms.actor;
  const auto tenant = grant.terms.tenant.empty() && account ? account->tenant : grant.terms.tenant;
  switch (scope.kind) {
    case Scope::Kind::all:
      return true;
    case Scope::Kind::tenant:
      return tenant == scope.name;
    case Scope::Kind::actor:
      return actor == scope.name;
    case Scope::Kind::tool:
      return names(grant.terms.tools, scope.name);
    case Scope::Kind::profile:
      return names(grant.terms.profiles, scope.name);
    case Scope::Kind::job:
      return job != nullptr && job->mandate.grant == grant.name;
    case Scope::Kind::drill:
      break;
  }
  return false;
}

std::vector<std::string> grants_in(const Api& api, const Scope& scope, const Job* job) {
  std::vector<std::string> names;
  for (const auto* grant : api.authority.grants().of(std::nullopt)) {
    if (!grant->revoked_by && is_in(*grant, scope, job, api.catalog->config.actors)) names.push_back(grant->name);
  }
  return names;
}

// No step waits for a disk before the last of them has taken effect in memory.
awaitable<Json> revoke_grants(Api* api, RequestPtr request, Scope scope, JobPtr job) {
  std::vector<std::string> revoked;
  for (const auto& name : grants_in(*api, scope, job.get())) {
    for (auto& one : revoke(*api, name, request->caller.account.actor, true).grants) revoked.push_back(std::move(one));
  }
  auto writing = api->authority.write_revoked(revoked);
  const bool persisted = co_await std::move(writing);
  Json step = {{"step", "revoke_grants"}, {"done", true}, {"revoked", revoked}, {"persisted", persisted}};
  co_return step;
}

// A tool stays off when the kill switch is released.
Json disable_tool(Api& api, const Scope& scope, const std::string& by, const std::string& reason) {
  Json step = {{"step", "disable_tool"}, {"done", true}};
  if (scope.kind != Scope::Kind::tool) {
    step["why"] = "the scope is no tool";
    return step;
  }
  try {
    api.tools.switch_off(scope.name, by, reason, std::chrono::system_clock::now());
    api.operations.tell(EventKind::tool, subject_of(scope), "switched off by " + by + " in an incident: " + reason);
    step["tool"] = scope.name;
  } catch (const std::exception& e) {
    step["done"] = false;
    step["why"] = e.what();
  }
  return step;
}

awaitable<Json> keep_evidence(Api* api, Scope scope, std::string by, std::string reason) {
  Json step = {{"step", "hold_evidence"}, {"done", true}, {"scope", to_string(scope)}};
  if (!api->evidence.is_on()) {
    step["done"] = false;
    step["why"] = "this instance keeps no evidence";
    co_return step;
  }
  EvidenceRecord record{EvidenceKind::hold, {}};
  record.put("scope", to_string(scope)).put("by", by).put("reason", reason);
  auto recording = api->evidence.record(std::move(record));
  const auto recorded = co_await std::move(recording);
  step["done"] = recorded.has_value();
  if (!recorded) step["why"] = recorded.error().detail;
  co_return step;
}

}  // namespace

awaitable<Answer> open_incident(Api* api, RequestPtr request, Parameters) {
  const auto incident = parse_incident(request->body);
  if (!incident) co_return Refused(incident.error());
  const auto scope = read_scope(incident->scope);
  if (!scope) co_return Refused(scope.error());
  auto looking = no_such_job(api, request, *scope);
  auto none = co_await std::move(looking);
  if (none) co_return Refused(std::move(*none));
  const auto now = std::chrono::system_clock::now();
  const auto job = scope->kind == Scope::Kind::job ? api->store.in_memory(scope->name) : nullptr;
  Json steps = Json::array();
  auto killing = kill_scope(api, request, *scope, incident->reason);
  auto receipt = co_await std::move(killing);
  const bool all_dead = receipt.at("survivors") == 0;
  steps.push_back({{"step", "kill"}, {"done", all_dead}, {"receipt", std::move(receipt)}});
  auto revoking = revoke_grants(api, request, *scope, job);
  steps.push_back(co_await std::move(revoking));
  const auto& by = request->caller.account.actor;
  steps.push_back(disable_tool(*api, *scope, by, incident->reason));
  auto holding = keep_evidence(api, *scope, by, incident->reason);
  steps.push_back(co_await std::move(holding));
  const auto id = api->ids.next(now);
  api->operations.tell(EventKind::incident, subject_of(*scope),
                       "incident " + id + " on " + to_string(*scope) + " opened by " + request->caller.account.actor +
                           ": " + incident->reason);
  steps.push_back({{"step", "notify"}, {"done", true}, {"event", api->operations.events.newest()}});
  co_return json_response({{"id", id},
                           {"scope", to_string(*scope)},
                           {"reason", incident->reason},
                           {"by", request->caller.account.actor},
                           {"opened_at", rfc3339(now)},
                           {"steps", std::move(steps)}});
}

}  // namespace cordon
