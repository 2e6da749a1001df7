// Submitting and cancelling.
#include "profiles/sha256.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/submission.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

awaitable<tl::expected<Wanted, Rejection>> order_asked(Api* api, RequestPtr request) {
  auto ordering = order_job(&api->store, api->catalog, request->caller, request->body);
  auto ordered = co_await std::move(ordering);
  if (!ordered) co_return Refused(ordered.error());
  Wanted wanted{std::move(*ordered)};
  co_return wanted;
}

}  // namespace

awaitable<Answer> submit_job(Api* api, RequestPtr request, Parameters) {
  Asked asked;
  if (request->idempotency_key) asked.digest = sha256(request->body);
  asked.waits = [request] {
    const auto read = parse_job_request(request->body);
    return read && read->wait;
  };
  asked.order = [api, request] { return order_asked(api, request); };
  auto submitting = submit(api, request, std::move(asked));
  co_return co_await std::move(submitting);
}

awaitable<Answer> cancel_job(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_job(api, request, parameters.at(0));
  const auto found = co_await std::move(finding);
  if (!found) co_return Refused(found.error());
  const auto& job = *found;
  job->cancel(request->caller.account.actor);
  co_await until_finished(job, request->client, Clock::time_point::max());
  co_return job_response(*api, job);
}

}  // namespace cordon
