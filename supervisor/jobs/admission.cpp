#include "supervisor/jobs/admission.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/jobs/lifeline.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr std::uint64_t max_queued_bytes = std::uint64_t{512} << 20;  // of clients' input, held in memory

std::string milliseconds(std::uint64_t us) {
  return fmt::format("{:.3f}", static_cast<double>(us) / 1000.0);
}

void log_end(const Job& job) {
  const auto usage = job.report ? job.report->usage : Usage{};
  log("job_end", {{"job", job.id},
                  {"actor", actor_name(job.uid)},
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

}  // namespace

Admission::Admission(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts,
                     JobStore& store, CurrentConfig config)
    : executor_(std::move(executor)),
      launcher_socket_(std::move(launcher_socket)),
      artifacts_(artifacts),
      store_(store),
      config_(std::move(config)) {}

tl::expected<void, Rejection> Admission::room_for(std::uint64_t input_bytes) const {
  const auto& config = config_();
  if (running_ < config.max_running && queue_.empty()) return {};
  if (queue_.size() >= config.max_queued) {
    return tl::unexpected(overloaded("queue_full", fmt::format("{} jobs wait already (max_queued)", queue_.size()), 1));
  }
  if (queued_bytes_ + input_bytes > max_queued_bytes) {
    return tl::unexpected(overloaded("queue_full", "the waiting jobs' input fills 512 MiB (max_queued_bytes)", 1));
  }
  return {};
}

void Admission::admit(JobPtr job) {
  queued_bytes_ += job->order.memory();
  job->hang_up = [this, weak = std::weak_ptr(job)] {
    if (const auto alive = weak.lock()) leave_queue(alive);
  };
  queue_.push_back(std::move(job));
  start_what_may();
}

std::optional<std::size_t> Admission::position(const Job& job) const {
  const auto at =
      std::find_if(queue_.begin(), queue_.end(), [&](const JobPtr& waiting) { return waiting.get() == &job; });
  if (at == queue_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - queue_.begin()) + 1;
}

void Admission::start_what_may() {
  while (!queue_.empty() && running_ < config_().max_running) {
    const auto job = queue_.front();
    queue_.pop_front();
    queued_bytes_ -= job->order.memory();
    ++running_;
    job->hang_up = nullptr;  // until there is a sandbox; it looks at hang_up_reason first
    job->become_running();
    asio::co_spawn(executor_, run(job), asio::detached);
  }
}

void Admission::leave_queue(const JobPtr& job) {
  const auto at = std::find(queue_.begin(), queue_.end(), job);
  if (at == queue_.end()) return;
  queue_.erase(at);
  queued_bytes_ -= job->order.memory();
  finish(job, Cancelled{});
}

void Admission::finish(const JobPtr& job, Outcome outcome) {
  job->order.drop_input();
  job->finish(std::move(outcome), std::chrono::system_clock::now());
  const auto& config = config_();
  store_.finished(job, {config.retain_jobs, config.retain_bytes});
  log_end(*job);
}

awaitable<void> Admission::run(JobPtr job) {
  auto outcome = co_await run_in_sandbox(job, launcher_socket_, artifacts_);
  --running_;
  finish(job, std::move(outcome));
  start_what_may();
}

}  // namespace cordon
