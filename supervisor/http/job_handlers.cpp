// Submitting and cancelling.
#include <algorithm>

#include "profiles/sha256.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/image_tree.hpp"
#include "supervisor/jobs/job_account.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

bool is_key(const std::string& key) {
  return !key.empty() && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<Rejection> bad_key(const std::optional<std::string>& key) {
  if (!key || is_key(*key)) return std::nullopt;
  return Rejection{400, "invalid_idempotency_key", "The input is not valid", "Idempotency-Key is not acceptable",
                   "Use 1 to 255 visible ASCII characters without spaces."};
}

Rejection mismatch(const std::string& id) {
  return {409, "idempotency_mismatch", "Conflict",
          "this Idempotency-Key belongs to job " + id + ", made by another body",
          "Send the same body again, or choose a new key."};
}

// The job's own client's artifacts only.
std::shared_ptr<const StoredFile> find_own_artifact(const JobStore& store, const Caller& caller,
                                                    const ArtifactRef& ref) {
  const auto job = store.find(ref.job);
  if (!job || job->state != JobState::finished || !may_see(caller, *job)) return nullptr;
  const auto* artifact = find_artifact(*job, ref.path);
  return artifact == nullptr ? nullptr : artifact->file;
}

struct Submission {
  JobPtr job;
  bool wait = false;
};

tl::expected<Submission, Rejection> make_job(Api& api, const Request& request) {
  auto asked = parse_job_request(request.body);
  if (!asked) return Refused(asked.error());
  const bool wait = asked->wait;
  const auto find = [&](const ArtifactRef& ref) { return find_own_artifact(api.store, request.caller, ref); };
  auto order = make_order(std::move(*asked), *api.catalog, find, image_has);
  if (!order) return Refused(order.error());
  const auto now = std::chrono::system_clock::now();
  auto id = api.ids.next(now);
  auto claim = claim_of(request.caller.account, *order);
  claim.body = fingerprint(request.body);
  if (auto place = api.life.reserve(id, std::move(claim)); !place) return Refused(place.error());
  return Submission{std::make_shared<Job>(std::move(id), request.caller.account, std::move(*order), now), wait};
}

// The same key and the same body are the same job.
tl::expected<std::optional<Submission>, Rejection> find_keyed(const Api& api, const Request& request,
                                                              const Sha256& body) {
  if (!request.idempotency_key) return std::nullopt;
  const auto known = api.store.find(IdempotencyKey{request.caller.account.actor, *request.idempotency_key});
  if (!known) return std::nullopt;
  if (known->request != body) return Refused(mismatch(known->id));
  if (!known->job) return Refused(forgotten_job());
  const auto asked = parse_job_request(request.body);
  return Submission{known->job, asked && asked->wait};
}

Response accepted(const Api& api, const JobPtr& job) {
  auto response = job_response(api, job);
  response.status = 202;
  response.headers.emplace_back("Location", "/v1/jobs/" + job->id);
  return response;
}

}  // namespace

awaitable<Answer> submit_job(Api* api, RequestPtr request, Parameters) {
  if (auto bad = bad_key(request->idempotency_key)) co_return Refused(std::move(*bad));
  const auto body = request->idempotency_key ? sha256(request->body) : Sha256{};
  auto keyed = find_keyed(*api, *request, body);
  if (!keyed) co_return Refused(keyed.error());
  Submission submission;
  if (*keyed) {
    submission = **keyed;
  } else {
    auto made = make_job(*api, *request);
    if (!made) co_return Refused(made.error());
    submission = *made;
    if (request->idempotency_key)
      api->store.bind({request->caller.account.actor, *request->idempotency_key}, body, submission.job);
    api->life.submit(submission.job);
  }
  request->drop_body();
  if (!submission.wait) co_return accepted(*api, submission.job);
  co_await until_finished(submission.job, request->client, Clock::time_point::max());
  if (submission.job->state != JobState::finished && !request->idempotency_key) submission.job->cancel();
  co_return job_response(*api, submission.job);
}

awaitable<Answer> cancel_job(Api* api, RequestPtr request, Parameters parameters) {
  const auto found = find_job(*api, *request, parameters.at(0));
  if (!found) co_return Refused(found.error());
  const auto& job = *found;
  job->cancel();
  co_await until_finished(job, request->client, Clock::time_point::max());
  co_return job_response(*api, job);
}

}  // namespace cordon
