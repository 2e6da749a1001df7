#include "supervisor/authority/holds.hpp"

#include <fmt/format.h>

#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/tools/tool_call.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

Subject subject_of(const Job& job) {
  return {job.account.actor, job.account.tenant, tool_name(job.order), job.order.profile, job.id};
}

bool still_waits(const Job& job) {
  return job.state == JobState::awaiting_approval && job.mandate.is_held() && !job.outcome &&
         job.hang_up_reason.why == HangUp::no;
}

Rejection not_waiting() {
  return {409, "not_awaiting_approval", "Conflict", "the job does not wait for approval", "It has gone on, or ended."};
}

Rejection not_written(const std::string& error) {
  auto r = overloaded("journal_unavailable", error, 1);
  r.remedy = "The approval does not count. Mend what the detail names, and approve it again.";
  return r;
}

std::string rules_of(const Approval& approval) {
  std::string out;
  for (const auto& need : approval.needs) out += (out.empty() ? "" : ", ") + need.rule;
  return out;
}

}  // namespace

void Holds::add(const JobPtr& job) {
  held_[job->id] = job;
  operations_.tell(EventKind::approval_wanted, subject_of(*job),
                   fmt::format("needs approval by {} until {}: cordon approvals", rules_of(*job->mandate.approval),
                               rfc3339(job->mandate.approval->expires_at)));
  look();
}

std::vector<JobPtr> Holds::waiting() const {
  std::vector<JobPtr> out;
  for (const auto& [id, weak] : held_) {
    if (auto job = weak.lock(); job && still_waits(*job)) out.push_back(std::move(job));
  }
  return out;
}

// The timer stands still while the machine sleeps, the journal's age does not: what is too late is so whenever it is
// looked at.
void Holds::look() {
  std::erase_if(held_, [](const auto& entry) {
    const auto job = entry.second.lock();
    return !job || !still_waits(*job);
  });
  const auto now = journal_.age_s();
  std::int64_t next = 0;
  for (const auto& job : waiting()) {
    const auto left = job->mandate.approval->expires_age_s - now;
    if (left <= 0) end(job, {"timeout", "nobody approved it in time"});
    if (left > 0 && (next == 0 || left < next)) next = left;
  }
  look_again_.cancel();
  if (next == 0) return;
  look_again_.expires_after(std::chrono::seconds(next));
  look_again_.async_wait([this](boost::system::error_code error) {
    if (!error) look();
  });
}

void Holds::end(const JobPtr& job, Denied why) {
  job->mandate.approval->state = ApprovalState::refused;
  operations_.tell(EventKind::approval_given, subject_of(*job), fmt::format("denied by {}: {}", why.by, why.reason));
  ways_.deny(job, std::move(why));
}

awaitable<tl::expected<void, Rejection>> Holds::approve(JobPtr job, Approver by, Sha256 shown) {
  if (!still_waits(*job)) co_return Refused(not_waiting());
  auto& approval = *job->mandate.approval;
  if (auto why = objection(approval, by, shown, journal_.age_s())) co_return Refused(std::move(*why));
  if (!being_written_.insert(job->id).second)
    co_return Refused(overloaded("approval_busy", "another vote on it is being written", 1));
  auto voted = job->mandate;
  voted.approval->votes.push_back({by, std::chrono::system_clock::now()});
  const bool complete = voted.approval->is_complete();
  if (complete) voted.approval->state = ApprovalState::granted;
  DatabaseThread::Work work = [id = job->id, text = mandate_text(voted),
                               state = std::string(to_string(voted.approval->state))](JobRows& rows) {
    update_mandate(rows, id, text, state);
  };
  std::string failed;
  try {
    co_await journal_.write(std::move(work), Durability::power);
  } catch (const std::exception& e) {
    failed = e.what();
  }
  being_written_.erase(job->id);
  if (!failed.empty()) co_return Refused(not_written(failed));
  if (!still_waits(*job)) co_return Refused(not_waiting());
  job->mandate = std::move(voted);
  operations_.tell(EventKind::approval_given, subject_of(*job),
                   fmt::format("approved by {}{}", by.actor, complete ? "" : "; it needs more"));
  if (complete) ways_.release(job);
  co_return tl::expected<void, Rejection>();
}

tl::expected<void, Rejection> Holds::deny(const JobPtr& job, const Approver& by, const std::string& reason) {
  if (!still_waits(*job)) return Refused(not_waiting());
  end(job, {by.actor, reason});
  return {};
}

}  // namespace cordon
