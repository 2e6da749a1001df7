#include "supervisor/jobs/job.hpp"

#include "supervisor/jobs/job_account.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::queued:
      return "queued";
    case JobState::awaiting_approval:
      return "awaiting_approval";
    case JobState::running:
      return "running";
    case JobState::finished:
      break;
  }
  return "finished";
}

Job::Job(std::string id_of, Account account_of, JobOrder order_of, WallTime now, Mandate mandate_of)
    : id(std::move(id_of)),
      account(std::move(account_of)),
      order(std::move(order_of)),
      mandate(std::move(mandate_of)),
      output{OutputBuffer(order.limits.output_bytes), OutputBuffer(order.limits.output_bytes)},
      submitted_at(now) {
  log.state("queued");
}

void Job::accept(bool taken) {
  acceptance = taken ? Acceptance::accepted : Acceptance::refused;
  changes.ring();
}

void Job::become_held() {
  state = JobState::awaiting_approval;
  log.state("awaiting_approval");
  changes.ring();
}

void Job::become_queued() {
  state = JobState::queued;
  log.state("queued");
  changes.ring();
}

void Job::become_running() {
  state = JobState::running;
  log.state("running");
  changes.ring();
}

void Job::become_started(Enforced facts, WallTime now) {
  enforced = std::move(facts);
  started_at = now;
  if (on_started) on_started();
  changes.ring();
}

void Job::write(Stream stream, std::string_view bytes) {
  auto& buffer = output[static_cast<std::size_t>(stream)];
  buffer.append(bytes);
  log.output(stream, buffer.kept().size());
  if (buffer.over_limit() && order.on_output_limit == OnOutputLimit::kill) hang_up_because({HangUp::output_limit});
  changes.ring();
}

void Job::close(Stream stream) {
  auto& buffer = output[static_cast<std::size_t>(stream)];
  buffer.close();
  log.output(stream, buffer.kept().size(), true);
  changes.ring();
}

void Job::conclude(Outcome how, WallTime now) {
  outcome = std::move(how);
  finished_at = now;
  hang_up = nullptr;
}

void Job::finish() {
  state = JobState::finished;
  changes.ring();
}

void Job::cancel(std::string by) {
  if (!outcome && hang_up_reason.why == HangUp::no) cancelled_by = std::move(by);
  hang_up_because({HangUp::cancelled});
}

void Job::kill(Killed why) {
  hang_up_because({HangUp::killed, std::move(why)});
}

void Job::hang_up_because(HangUpReason reason) {
  if (outcome || hang_up_reason.why != HangUp::no) return;
  hang_up_reason = std::move(reason);
  if (on_killing) on_killing();
  if (const auto call = hang_up) call();
}

std::uint64_t Job::output_memory() const {
  const auto call = order.call ? order.call->input.size() : 0;
  return output[0].memory() + output[1].memory() + call + (result && result->output ? result->output->size() : 0);
}

std::uint64_t Job::artifact_bytes() const {
  std::uint64_t total = 0;
  for (const auto& artifact : collection.artifacts) total += artifact.size;
  return total;
}

bool Job::is_on_record() const {
  if (state != JobState::finished || !evidence) return false;
  return recorded ? recorded->state == Evidence::Receipt::State::written : told.has_value();
}

Provenance Job::written() const {
  auto out = mandate.data;
  if (!order.egress.empty()) out.untrusted = true;  // what comes from outside may be anybody's
  if (!order.call) return out;
  const auto& tool = order.call->tool->tool;
  out.join({tool.untrusted, {tool.name}, {tool.data_classes.begin(), tool.data_classes.end()}, {account.tenant}});
  return out;
}

Membership Job::membership() const {
  return membership_of(account, order, id);
}

Membership membership_of(const Account& account, const JobOrder& order, const std::string& id) {
  const auto drill = order.labels.find(drill_label);
  return {account.tenant,
          account.actor,
          tool_name(order),
          order.profile,
          id,
          drill == order.labels.end() ? "" : drill->second};
}

}  // namespace cordon
