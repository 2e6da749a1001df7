#include "supervisor/jobs/job.hpp"

#include "supervisor/jobs/job_account.hpp"

namespace cordon {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::queued:
      return "queued";
    case JobState::running:
      return "running";
    case JobState::finished:
      break;
  }
  return "finished";
}

Job::Job(std::string id_of, Account account_of, JobOrder order_of, WallTime now)
    : id(std::move(id_of)),
      account(std::move(account_of)),
      order(std::move(order_of)),
      output{OutputBuffer(order.limits.output_bytes), OutputBuffer(order.limits.output_bytes)},
      submitted_at(now) {
  log.state("queued");
}

void Job::become_running() {
  state = JobState::running;
  log.state("running");
  changes.ring();
}

void Job::become_started(Started facts, WallTime now) {
  started = std::move(facts);
  started_at = now;
  changes.ring();
}

void Job::write(Stream stream, std::string_view bytes) {
  auto& buffer = output[static_cast<std::size_t>(stream)];
  buffer.append(bytes);
  log.output(stream, buffer.kept().size());
  if (buffer.over_limit() && order.on_output_limit == OnOutputLimit::kill) hang_up_because(HangUp::output_limit);
  changes.ring();
}

void Job::close(Stream stream) {
  auto& buffer = output[static_cast<std::size_t>(stream)];
  buffer.close();
  log.output(stream, buffer.kept().size(), true);
  changes.ring();
}

void Job::finish(Outcome how, WallTime now) {
  outcome = std::move(how);
  finished_at = now;
  state = JobState::finished;
  hang_up = nullptr;
  changes.ring();
}

void Job::cancel() {
  hang_up_because(HangUp::cancelled);
}

void Job::hang_up_because(HangUp why) {
  if (state == JobState::finished || hang_up_reason != HangUp::no) return;
  hang_up_reason = why;
  if (const auto call = hang_up) call();
}

std::uint64_t Job::artifact_bytes() const {
  std::uint64_t total = 0;
  for (const auto& artifact : collection.artifacts) total += artifact.size;
  return total;
}

Claim Job::claim() const {
  return claim_of(account, order);
}

}  // namespace cordon
