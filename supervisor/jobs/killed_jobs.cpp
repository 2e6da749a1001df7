// The kill switch and the jobs in its scope.
#include "supervisor/jobs/job_life.hpp"
#include "supervisor/jobs/killed_by.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto cut_time =
    std::chrono::milliseconds(100);  // in which none is cut; each launcher then does it, and kills

}  // namespace

std::vector<JobPtr> JobLife::unfinished_in(const Scope& scope) {
  return store_.select(
      [&](const Job& job) { return job.state != JobState::finished && contains(scope, job.membership()); });
}

// Nothing more leaves before anything is killed: a thousand launchers, once woken, would leave cordon-egress no
// processor to cut with. Who has no network waits for none of this.
awaitable<std::vector<JobPtr>> JobLife::kill(Engagement engagement) {
  auto jobs = unfinished_in(engagement.scope);
  auto& egress = sandboxes_.egress;
  for (const auto& job : jobs) egress.end(job->id);
  egress.tell_cuts();
  std::vector<JobPtr> flowing;
  for (const auto& job : jobs) {
    if (job->network && job->network->is_flowing())
      flowing.push_back(job);
    else
      job->kill(killed_by(engagement));
  }
  if (!flowing.empty()) {
    auto cutting = egress.until_cut(cut_time);
    co_await std::move(cutting);
  }
  for (const auto& job : flowing) job->kill(killed_by(engagement));
  co_return jobs;
}

void JobLife::heed_kill_switch() {
  for (const auto& engagement : kill_latch_.state().engaged()) {
    for (const auto& job : unfinished_in(engagement.scope)) job->kill(killed_by(engagement));
    if (engagement.scope.kind != Scope::Kind::job) continue;
    const auto job = store_.in_memory(engagement.scope.name);
    if (!job || job->state == JobState::finished) release_job_scope(engagement.scope.name);
  }
}

void JobLife::keep_survivor(const JobPtr& job) {
  log("sandbox_not_empty", {{"job", job->id}, {"actor", job->account.actor}});
  survivors_.add(job->id, job->membership(), std::move(job->cgroup_events));
}

// Its id never comes again: there is nothing left to keep from starting.
void JobLife::release_job_scope(const std::string& id) {
  kill_latch_.release({Scope::Kind::job, id});
}

}  // namespace cordon
