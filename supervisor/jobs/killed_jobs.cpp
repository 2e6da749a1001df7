// The kill switch and the jobs in its scope.
#include "supervisor/jobs/job_life.hpp"
#include "supervisor/jobs/killed_by.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {

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
