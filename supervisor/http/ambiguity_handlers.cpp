// Calls of which it is not known whether they happened, and undoing those that did.
#include "profiles/json_reader.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/submission.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/tools/calling.hpp"
#include "supervisor/tools/compensation.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

tl::expected<std::string, Rejection> parse_settlement(std::string_view body) {
  const auto document = parse_strict_json(body);
  if (!document) return Refused(invalid_input(document.error()));
  FieldErrors errors;
  ObjectReader in(*document, "", errors);
  auto as = in.require_string("as");
  if (!as.empty() && as != "happened" && as != "did_not_happen") in.error("as", "must be happened or did_not_happen");
  in.refuse_unknown_keys();
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return as;
}

Rejection nothing_to_settle(const std::string& id) {
  return {409, "nothing_to_settle", "Conflict", "whether job " + id + " has happened is not in question, or is settled",
          "GET /v1/jobs/" + id + " says how it ended."};
}

// Whether it was this one that settled it.
awaitable<bool> write_settlement(Api* api, Settlement settlement, std::string report) {
  const auto done = std::make_shared<bool>(false);
  DatabaseThread::Work work = [done, settlement, report](JobRows& rows) { *done = rows.settle(settlement, report); };
  co_await api->journal.write(std::move(work), Durability::power);
  co_return *done;
}

Json settled_json(const Settlement& settlement, WallTime now) {
  return {{"as", settlement.as}, {"by", settlement.by}, {"at", rfc3339(now)}};
}

}  // namespace

awaitable<Answer> settle_job(Api* api, RequestPtr request, Parameters parameters) {
  const auto& id = parameters.at(0);
  const auto as = parse_settlement(request->body);
  if (!as) co_return Refused(as.error());
  const auto* earlier = api->tools.unsettled.find(id);
  if (earlier == nullptr) co_return Refused(nothing_to_settle(id));
  const auto row = *earlier;
  const auto now = std::chrono::system_clock::now();
  const Settlement settlement{id, *as, request->caller.account.actor, unix_us(now)};
  auto finding = api->store.find(id);
  const auto job = co_await std::move(finding);
  // Its report may be gone by now; what must not happen twice is remembered without it.
  const auto texts = job ? settled_texts(*job, settled_json(settlement, now)) : MemberTexts{};
  const auto report = job ? report_text(texts) : std::string();
  bool done = false;
  try {
    auto writing = write_settlement(api, settlement, report);
    done = co_await std::move(writing);
  } catch (const std::exception& e) {
    co_return Refused(overloaded("journal_unavailable", e.what(), 1));
  }
  if (!done) co_return Refused(nothing_to_settle(id));
  api->tools.unsettled.remove(id);
  if (job) tell_settled(*job, texts);
  api->operations.tell(EventKind::ambiguous, {row.actor, "", row.tool, "", id},
                       "settled by " + settlement.by + ": " + settlement.as, Severity::info);
  co_return json_response({{"id", id}, {"tool", row.tool}, {"settled", settled_json(settlement, now)}});
}

awaitable<Answer> list_unsettled(Api* api, RequestPtr, Parameters) {
  Json rows = Json::array();
  for (const auto& [id, row] : api->tools.unsettled.all())
    rows.push_back({{"id", id}, {"actor", row.actor}, {"tool", row.tool}, {"input_sha256", hex(row.input)}});
  co_return json_response({{"unsettled", std::move(rows)}});
}

awaitable<Answer> compensate_job(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_job(api, request, parameters.at(0));
  const auto job = co_await std::move(finding);
  if (!job) co_return Refused(job.error());
  auto wish = compensation_of(**job, *api->catalog);
  if (!wish) co_return Refused(wish.error());
  auto submitting = submit_wish(api, request, std::move(*wish));
  co_return co_await std::move(submitting);
}

}  // namespace cordon
