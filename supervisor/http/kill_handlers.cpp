// The kill switch: engage, release, list (api.md, "Kill switch").
#include <algorithm>

#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/kill_access.hpp"
#include "supervisor/http/operator_input.hpp"
#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

constexpr auto receipt_patience = std::chrono::seconds(5);

Json engagement_json(const Engagement& engagement) {
  return {{"scope", to_string(engagement.scope)},
          {"generation", engagement.generation},
          {"engaged_at", rfc3339(engagement.engaged_at)},
          {"by", engagement.by},
          {"reason", engagement.reason}};
}

void put_persisted(Json& out, const std::string& trouble) {
  out["persisted"] = trouble.empty();
  if (!trouble.empty()) out["not_persisted"] = trouble;
}

struct Toll {
  Json killed = Json::array(), quarantined = Json::array();
  std::size_t survivors = 0;
};

bool was_killed(const Job& job) {
  return job.outcome && std::holds_alternative<Killed>(*job.outcome);
}

// Those whose sandbox the kernel does not let go count until it does, also when an earlier kill was it.
Toll count_toll(Api& api, const Scope& scope, const std::vector<JobPtr>& jobs) {
  Toll toll;
  for (const auto& job : jobs) {
    if (job->acceptance == Acceptance::refused) continue;  // it never was
    if (was_killed(*job)) toll.killed.push_back(job->id);
    if (job->state != JobState::finished) ++toll.survivors;
  }
  for (const auto& id : api.life.survivors(scope)) {
    const auto job = api.store.in_memory(id);
    if (!job || job->state == JobState::finished) ++toll.survivors;  // the others are counted
    toll.quarantined.push_back(id);
  }
  return toll;
}

Json receipt(const Engaged& engaged, Toll toll, Clock::duration took) {
  auto out = engagement_json(engaged.engagement);
  out["killed"] = std::move(toll.killed);
  out["survivors"] = toll.survivors;
  out["quarantined"] = std::move(toll.quarantined);
  out["latency_ms"] = std::chrono::duration<double, std::milli>(took).count();
  put_persisted(out, engaged.not_persisted);
  return out;
}

Rejection not_engaged(const Scope& scope) {
  return {404, "kill_switch_not_engaged", "Not found", to_string(scope) + " is not engaged",
          "GET /v1/kill lists what is."};
}

Rejection roots_word(const Engagement& word) {
  return {409, "stop_all_engaged", "Conflict", "root's own stop-all is engaged: " + word.reason,
          "Release it as root: cordon release --all."};
}

}  // namespace

tl::expected<Scope, Rejection> read_scope(const std::string& text) {
  if (auto scope = parse_scope(text)) return *scope;
  return Refused(Rejection{400, "invalid_scope", "The input is not valid", "there is no kill scope \"" + text + "\"",
                           "Use all, tenant/NAME, actor/NAME, tool/NAME, profile/NAME or job/ID."});
}

awaitable<std::optional<Rejection>> no_such_job(Api* api, RequestPtr request, Scope scope) {
  if (scope.kind != Scope::Kind::job) co_return std::nullopt;
  auto finding = find_job(api, request, scope.name);
  const auto job = co_await std::move(finding);
  if (!job) co_return job.error();
  if ((*job)->state != JobState::finished) co_return std::nullopt;
  co_return Rejection{409, "job_finished", "Conflict", "job " + scope.name + " has finished already",
                      "Nothing of it is alive; it cannot come again."};
}

Subject subject_of(const Scope& scope) {
  Subject subject;
  if (scope.kind == Scope::Kind::actor) subject.actor = scope.name;
  if (scope.kind == Scope::Kind::tenant) subject.tenant = scope.name;
  if (scope.kind == Scope::Kind::tool) subject.tool = scope.name;
  if (scope.kind == Scope::Kind::profile) subject.profile = scope.name;
  if (scope.kind == Scope::Kind::job) subject.job = scope.name;
  return subject;
}

awaitable<Json> kill_scope(Api* api, RequestPtr request, Scope scope, std::string reason) {
  const auto began = Clock::now();
  auto engagement =
      api->kill_latch.engage(scope, request->caller.account.actor, reason, std::chrono::system_clock::now());
  auto ending = api->life.kill(engagement);
  const auto jobs = co_await std::move(ending);
  const auto engaged = api->kill_latch.persist(std::move(engagement));  // a disk that is slow holds up no kill
  const auto deadline = began + receipt_patience;
  for (const auto& job : jobs) co_await until_finished(job, request->client, deadline);
  auto toll = count_toll(*api, scope, jobs);
  api->operations.tell(EventKind::kill, subject_of(scope),
                       to_string(scope) + " engaged by " + request->caller.account.actor + ": " + reason);
  log("kill_receipt", {{"scope", to_string(scope)},
                       {"killed", std::to_string(toll.killed.size())},
                       {"survivors", std::to_string(toll.survivors)}});
  co_return receipt(engaged, std::move(toll), Clock::now() - began);
}

awaitable<Answer> engage_kill(Api* api, RequestPtr request, Parameters parameters) {
  const auto scope = read_scope(parameters.at(0));
  if (!scope) co_return Refused(scope.error());
  const auto reason = read_reason(request->body);
  if (!reason) co_return Refused(reason.error());
  auto looking = no_such_job(api, request, *scope);
  auto none = co_await std::move(looking);
  if (none) co_return Refused(std::move(*none));
  auto killing = kill_scope(api, request, *scope, *reason);
  co_return json_response(co_await std::move(killing));
}

awaitable<Answer> release_kill(Api* api, RequestPtr request, Parameters parameters) {
  const auto scope = read_scope(parameters.at(0));
  if (!scope) co_return Refused(scope.error());
  const auto released = api->kill_latch.release(*scope);
  if (scope->kind == Scope::Kind::all)
    if (const auto word = api->kill_latch.stop_all()) co_return Refused(roots_word(*word));
  if (!released) co_return Refused(not_engaged(*scope));
  api->operations.tell(EventKind::release, subject_of(*scope),
                       to_string(*scope) + " released by " + request->caller.account.actor);
  auto out = engagement_json(released->engagement);
  put_persisted(out, released->not_persisted);
  co_return json_response(out);
}

awaitable<Answer> list_kills(Api* api, RequestPtr, Parameters) {
  Json engaged = Json::array();
  const auto add = [&](const Engagement& engagement, bool by_root) {
    auto one = engagement_json(engagement);
    one["stop_all"] = by_root;  // cordond cannot release it
    engaged.push_back(std::move(one));
  };
  if (const auto word = api->kill_latch.stop_all()) add(*word, true);
  for (const auto& one : api->kill_latch.state().engaged()) add(one, false);
  co_return json_response({{"generation", api->kill_latch.state().generation()}, {"engaged", std::move(engaged)}});
}

}  // namespace cordon
