#include "supervisor/jobs/job_life.hpp"

#include "supervisor/jobs/lifeline.hpp"

namespace cordon {
namespace {

AdmissionLimits limits_of(const Config& config) {
  return {config.max_running, config.max_queued};
}

}  // namespace

JobLife::JobLife(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts, JobStore& store,
                 CurrentConfig config, OnEnd on_end)
    : executor_(std::move(executor)),
      launcher_socket_(std::move(launcher_socket)),
      artifacts_(artifacts),
      store_(store),
      config_(std::move(config)),
      on_end_(std::move(on_end)),
      admission_(limits_of(config_())) {}

void JobLife::reconfigure() {
  admission_.set_limits(limits_of(config_()));
  start_what_may();
}

tl::expected<void, Rejection> JobLife::may_submit(const Claim& claim) const {
  return admission_.may_enter(claim, Clock::now());
}

void JobLife::submit(JobPtr job) {
  store_.add(job);
  job->entered = Clock::now();
  job->hang_up = [this, weak = std::weak_ptr(job)] {
    if (const auto alive = weak.lock()) leave_queue(alive);
  };
  admission_.enter(job->id, job->claim());
  start_what_may();
}

void JobLife::start_what_may() {
  while (const auto id = admission_.next(Clock::now())) {
    const auto job = store_.find(*id);
    job->hang_up = nullptr;  // until there is a sandbox; it looks at hang_up_reason first
    job->waited = Clock::now() - job->entered;
    job->become_running();
    asio::co_spawn(executor_, run(job), asio::detached);
  }
}

void JobLife::leave_queue(const JobPtr& job) {
  if (admission_.leave(job->id)) finish(job, Cancelled{});
}

void JobLife::finish(const JobPtr& job, Outcome outcome) {
  job->order.drop_input();
  job->finish(std::move(outcome), std::chrono::system_clock::now());
  const auto& config = config_();
  store_.finished(job, {config.retain_jobs, config.retain_bytes});
  on_end_(*job);
}

awaitable<void> JobLife::run(JobPtr job) {
  auto outcome = co_await run_in_sandbox(job, launcher_socket_, artifacts_);
  admission_.ended(job->id);
  finish(job, std::move(outcome));
  start_what_may();
}

}  // namespace cordon
