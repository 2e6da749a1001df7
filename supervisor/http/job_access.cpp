#include "supervisor/http/job_access.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr std::size_t small_job = std::size_t{256} * 1024;  // of output: rendered at once, and its length is told

}  // namespace

bool may_see(const Caller& caller, const Job& job) {
  return caller.role == Role::operator_ || caller.account.actor == job.account.actor;
}

Rejection forgotten_job() {
  return {410, "job_forgotten", "Gone", "the job was finished and its report is no longer kept",
          "Fetch reports sooner, or have the operator raise \"retain\"."};
}

tl::expected<JobPtr, Rejection> find_job(const Api& api, const Request& request, const std::string& id) {
  const auto& caller = request.caller;
  if (const auto job = api.store.find(id); job && may_see(caller, *job)) return job;
  const auto whose = caller.role == Role::operator_ ? std::nullopt : std::optional(caller.account.actor);
  if (!api.store.was_forgotten(id, whose)) return tl::unexpected(not_found("job \"" + id + "\""));
  return tl::unexpected(forgotten_job());
}

const Artifact* find_artifact(const Job& job, const std::string& path) {
  const auto& all = job.collection.artifacts;
  const auto at = std::find_if(all.begin(), all.end(), [&](const Artifact& a) { return a.path == path; });
  return at == all.end() ? nullptr : &*at;
}

awaitable<void> until_finished(JobPtr job, std::shared_ptr<Client> client, Clock::time_point deadline) {
  const Watch watch(job->changes, client->waker);
  while (job->state != JobState::finished && !client->gone && Clock::now() < deadline) {
    co_await client->waker.sleep(deadline);
  }
}

Response job_response(const Api& api, const JobPtr& job) {
  auto text = std::make_shared<JobText>(job, api.life.admission().position(job->id));
  Response response;
  if (text->size_hint() > small_job) {
    response.body = JobBody{std::move(text)};
    return response;
  }
  std::string whole;
  while (const auto piece = text->next()) whole += *piece;
  response.body = whole + "\n";
  return response;
}

}  // namespace cordon
