// Keys, places and the journal: see submission.hpp.
#include "supervisor/http/submission.hpp"

#include <algorithm>

#include "supervisor/http/job_access.hpp"
#include "supervisor/jobs/job_account.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

bool is_key(const std::string& key) {
  return !key.empty() && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Rejection mismatch(const std::string& id) {
  return {409, "idempotency_mismatch", "Conflict",
          "this Idempotency-Key belongs to job " + id + ", made by another body",
          "Send the same body again, or choose a new key."};
}

struct Submitted {
  JobPtr job;
  bool wait = false;
};
using Made = tl::expected<Submitted, Rejection>;

// The same key and the same body are the same job.
awaitable<tl::expected<std::optional<Submitted>, Rejection>> find_keyed(Api* api, RequestPtr request, Asked asked) {
  if (!request->idempotency_key) co_return std::nullopt;
  auto looking = api->store.find(IdempotencyKey{request->caller.account.actor, *request->idempotency_key});
  const auto known = co_await std::move(looking);
  if (!known) co_return std::nullopt;
  if (known->request != asked.digest) co_return Refused(mismatch(known->id));
  auto finding = api->store.find(known->id);
  const auto job = co_await std::move(finding);
  if (!job) co_return Refused(forgotten_job());
  auto accepting = JobLife::accepted(job);
  const bool taken = co_await std::move(accepting);
  if (!taken)
    co_return Refused(overloaded("journal_unavailable", "the journal did not take the first such request", 1));
  co_return Submitted{job, asked.waits()};
}

// That this was not let in, and why, stays on the record (http/routes.cpp).
Refused refused_order(const JobOrder& order, Rejection why) {
  why.tool = tool_name(order);
  why.profile = order.profile;
  return Refused(std::move(why));
}

awaitable<Made> make_job(Api* api, RequestPtr request, Asked asked) {
  auto ordering = asked.order();
  auto wanted = co_await std::move(ordering);
  if (!wanted) co_return Refused(wanted.error());
  auto& ordered = wanted->ordered;
  // Between here and submit() nothing is awaited: two requests with one key cannot both get by.
  if (request->idempotency_key &&
      api->store.in_memory(IdempotencyKey{request->caller.account.actor, *request->idempotency_key}))
    co_return Submitted{};
  const auto& given = ordered.grant;
  auto body = without_secret(std::move(wanted->body ? *wanted->body : request->body), given);
  auto mandate = api->authority.rule({request->caller, ordered.order, given, body});
  if (!mandate) co_return refused_order(ordered.order, std::move(mandate.error()));
  const auto now = std::chrono::system_clock::now();
  const auto& account = request->caller.account;
  auto id = api->ids.next(now);
  auto claim = claim_of(account, ordered.order);
  claim.body = fingerprint(body);
  auto place = api->life.reserve(id, std::move(claim), membership_of(account, ordered.order));
  if (!place) co_return refused_order(ordered.order, std::move(place.error()));
  const auto job = std::make_shared<Job>(std::move(id), account, std::move(ordered.order), now, std::move(*mandate));
  job->received = request->received;
  Submission submission{request->idempotency_key, asked.digest, std::move(body), ordered.wait};
  auto submitting = api->life.submit(job, std::move(submission));
  const auto taken = co_await std::move(submitting);
  if (!taken) co_return Refused(taken.error());
  co_return Submitted{job, ordered.wait};
}

awaitable<Made> find_or_make(Api* api, RequestPtr request, Asked asked) {
  for (;;) {
    auto looking = find_keyed(api, request, asked);
    auto keyed = co_await std::move(looking);
    if (!keyed) co_return Refused(keyed.error());
    if (*keyed) co_return **keyed;
    auto making = make_job(api, request, asked);
    auto made = co_await std::move(making);
    if (!made || made->job) co_return made;  // otherwise another request with this key was quicker
  }
}

Response accepted(const Api& api, const JobPtr& job) {
  auto response = job_response(api, job);
  response.status = 202;
  response.headers.emplace_back("Location", "/v1/jobs/" + job->id);
  return response;
}

}  // namespace

std::optional<Rejection> bad_key(const std::optional<std::string>& key) {
  if (!key || is_key(*key)) return std::nullopt;
  return Rejection{400, "invalid_idempotency_key", "The input is not valid", "Idempotency-Key is not acceptable",
                   "Use 1 to 255 visible ASCII characters without spaces."};
}

awaitable<Answer> submit(Api* api, RequestPtr request, Asked asked) {
  if (auto bad = bad_key(request->idempotency_key)) co_return Refused(std::move(*bad));
  auto submitting = find_or_make(api, request, std::move(asked));
  const auto submitted = co_await std::move(submitting);
  request->drop_body();
  if (!submitted) co_return Refused(submitted.error());
  const auto& job = submitted->job;
  if (!submitted->wait || job->state == JobState::awaiting_approval) co_return accepted(*api, job);
  co_await until_finished(job, request->client, Clock::time_point::max());
  if (job->state != JobState::finished && !request->idempotency_key) job->cancel();
  co_return job_response(*api, job);
}

}  // namespace cordon
