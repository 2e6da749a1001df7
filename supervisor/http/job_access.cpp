#include "supervisor/http/job_access.hpp"

namespace cordon {
namespace {

constexpr std::size_t small_job = std::size_t{256} * 1024;  // of output: rendered at once, and its length is told

}  // namespace

Rejection forgotten_job() {
  return {410, "job_forgotten", "Gone", "the job was finished and its report is no longer kept",
          "Fetch reports sooner, or have the operator raise \"retain\"."};
}

awaitable<tl::expected<JobPtr, Rejection>> find_job(Api* api, RequestPtr request, std::string id) {
  const auto& caller = request->caller;
  auto finding = api->store.find(id);
  const auto job = co_await std::move(finding);
  const bool there = job && job->acceptance == Acceptance::accepted && may_see(caller, *job);
  if (there) co_return job;
  const auto whose = caller.role == Role::operator_ ? std::nullopt : std::optional(caller.account.actor);
  auto looking = api->store.was_forgotten(id, whose);
  const bool forgotten = co_await std::move(looking);
  co_return tl::unexpected(forgotten ? forgotten_job() : not_found("job \"" + id + "\""));
}

awaitable<void> until_finished(JobPtr job, std::shared_ptr<Client> client, Clock::time_point deadline) {
  const Watch watch(job->changes, client->waker);
  while (job->state != JobState::finished && job->acceptance != Acceptance::refused && !client->gone &&
         Clock::now() < deadline) {
    co_await client->waker.sleep(deadline);
  }
}

awaitable<void> until_cut(JobFlowsPtr flows, std::shared_ptr<Client> client, Clock::time_point deadline) {
  const Watch watch(flows->changes, client->waker);
  while (flows->is_flowing() && !client->gone && Clock::now() < deadline) co_await client->waker.sleep(deadline);
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
