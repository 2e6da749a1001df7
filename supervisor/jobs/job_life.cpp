#include "supervisor/jobs/job_life.hpp"

#include <fmt/format.h>

#include "supervisor/host_room.hpp"
#include "supervisor/jobs/job_account.hpp"
#include "supervisor/jobs/lifeline.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

std::string milliseconds(std::uint64_t us) {
  return fmt::format("{:.3f}", static_cast<double>(us) / 1000.0);
}

void log_end(const Job& job) {
  const auto usage = job.report ? job.report->usage : Usage{};
  log("job_end", {{"job", job.id},
                  {"actor", job.account.actor},
                  {"profile", job.order.profile},
                  {"image", job.order.image},
                  {"outcome", std::string(kind(*job.outcome))},
                  {"detail", to_json(*job.outcome).dump(-1, ' ', true, Json::error_handler_t::replace)},
                  {"wall_ms", milliseconds(usage.wall_us)},
                  {"cpu_ms", milliseconds(usage.cpu_us)},
                  {"stdout_bytes", std::to_string(job.output[0].written())},
                  {"stderr_bytes", std::to_string(job.output[1].written())},
                  {"artifacts", std::to_string(job.collection.artifacts.size())}});
}

AdmissionLimits limits_of(const Config& config) {
  return {config.max_running, config.max_queued, config.admission};
}

}  // namespace

JobLife::JobLife(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts, JobStore& store,
                 CurrentConfig config)
    : executor_(std::move(executor)),
      launcher_socket_(std::move(launcher_socket)),
      artifacts_(artifacts),
      store_(store),
      config_(std::move(config)),
      admission_(limits_of(config_())),
      look_again_(executor_) {}

void JobLife::reconfigure() {
  admission_.set_limits(limits_of(config_()));
  start_what_may();
}

tl::expected<void, Rejection> JobLife::reserve(const std::string& id, Claim claim) {
  auto place = admission_.admit(id, std::move(claim), Clock::now());
  tell_notices();
  return place;
}

std::size_t JobLife::reset_breaker(const std::string& actor) {
  const auto open = admission_.breaker().reset(actor);
  tell_notices();
  return open;
}

void JobLife::submit(JobPtr job) {
  store_.add(job);
  job->hang_up = [this, weak = std::weak_ptr(job)] {
    if (const auto alive = weak.lock()) leave_queue(alive);
  };
  admission_.enter(job->id, Clock::now());
  start_what_may();
}

void JobLife::start_what_may() {
  if (admission_.waiting() > 0) admission_.see(read_host_room());
  while (const auto id = admission_.next(Clock::now())) {
    const auto job = store_.find(*id);
    job->hang_up = nullptr;  // until there is a sandbox; it looks at hang_up_reason first
    job->become_running();
    asio::co_spawn(executor_, run(job), asio::detached);
  }
  tell_notices();
  look_again_in_time();
}

// For what no event tells: that a budget's window has ended, that the host has room again.
void JobLife::look_again_in_time() {
  const auto when = admission_.look_again_at(Clock::now());
  look_again_.cancel();
  if (!when) return;
  look_again_.expires_at(*when);
  look_again_.async_wait([this](boost::system::error_code error) {
    if (!error) start_what_may();
  });
}

void JobLife::tell_notices() {
  for (const auto& notice : admission_.take_notices()) {
    log(notice.event,
        {{"actor", notice.actor}, {"tool", notice.tool}, {"profile", notice.profile}, {"detail", notice.detail}});
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
  log_end(*job);
}

awaitable<void> JobLife::run(JobPtr job) {
  auto outcome = co_await run_in_sandbox(job, launcher_socket_, artifacts_);
  admission_.ended(job->id, spent_by(*job), verdict_of(outcome), Clock::now());
  finish(job, std::move(outcome));
  start_what_may();
}

}  // namespace cordon
