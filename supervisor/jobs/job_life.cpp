#include "supervisor/jobs/job_life.hpp"

#include <fmt/format.h>

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

Killed killed_by(const Engagement& engagement) {
  return {to_string(engagement.scope), engagement.by, engagement.reason};
}

Rejection switched_off(const Engagement& engagement) {
  const auto scope = to_string(engagement.scope);
  return {403, "kill_switch_engaged", "Kill switch engaged",
          fmt::format("{} was engaged by {} at {}: {}", scope, engagement.by, rfc3339(engagement.engaged_at),
                      engagement.reason),
          "Nothing of this scope is started until an operator releases it (cordon release)."};
}

AdmissionLimits limits_of(const Config& config) {
  return {config.max_running, config.max_queued};
}

}  // namespace

JobLife::JobLife(asio::any_io_executor executor, Launcher& launcher, ArtifactStore& artifacts, JobStore& store,
                 KillLatch& kill_latch, CurrentConfig config)
    : executor_(std::move(executor)),
      launcher_(launcher),
      artifacts_(artifacts),
      store_(store),
      kill_latch_(kill_latch),
      config_(std::move(config)),
      admission_(limits_of(config_())) {}

void JobLife::reconfigure() {
  admission_.set_limits(limits_of(config_()));
  start_what_may();
}

tl::expected<void, Rejection> JobLife::may_submit(const Claim& claim, const Membership& membership) const {
  if (const auto root = kill_latch_.stop_all()) return tl::unexpected(switched_off(*root));
  if (const auto engaged = kill_latch_.engaged_for(membership)) return tl::unexpected(switched_off(*engaged));
  return admission_.may_enter(claim, Clock::now());
}

void JobLife::submit(JobPtr job) {
  store_.add(job);
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
    job->become_running();
    asio::co_spawn(executor_, run(job), asio::detached);
  }
}

void JobLife::leave_queue(const JobPtr& job) {
  if (admission_.leave(job->id)) finish(job, of_hang_up(job->hang_up_reason));
}

std::vector<JobPtr> JobLife::kill(const Engagement& engagement) {
  auto jobs = store_.select(
      [&](const Job& job) { return job.state != JobState::finished && contains(engagement.scope, job.membership()); });
  for (const auto& job : jobs) job->kill(killed_by(engagement));
  return jobs;
}

void JobLife::heed_kill_switch() {
  for (const auto& engagement : kill_latch_.state().engaged()) {
    kill(engagement);
    if (engagement.scope.kind != Scope::Kind::job) continue;
    const auto job = store_.find(engagement.scope.name);
    if (!job || job->state == JobState::finished) release_job_scope(engagement.scope.name);
  }
}

// Its id never comes again: there is nothing left to keep from starting.
void JobLife::release_job_scope(const std::string& id) {
  kill_latch_.release({Scope::Kind::job, id});
}

void JobLife::finish(const JobPtr& job, Outcome outcome) {
  job->order.drop_input();
  job->finish(std::move(outcome), std::chrono::system_clock::now());
  const auto& config = config_();
  store_.finished(job, {config.retain_jobs, config.retain_bytes});
  log_end(*job);
  release_job_scope(job->id);
}

awaitable<void> JobLife::run(JobPtr job) {
  Decide decide = [this](const Job& asked) -> std::optional<Outcome> {
    const auto engaged = kill_latch_.engaged_for(asked.membership());
    if (!engaged) return std::nullopt;
    return killed_by(*engaged);
  };
  auto running = run_in_sandbox(job, &launcher_, &artifacts_, std::move(decide));
  auto outcome = co_await std::move(running);
  admission_.ended(job->id);
  finish(job, std::move(outcome));
  start_what_may();
}

}  // namespace cordon
