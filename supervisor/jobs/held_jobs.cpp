// The steps of a job's life between its submission and the queue, when people must approve it first.
#include "supervisor/jobs/job_life.hpp"

namespace cordon {

void JobLife::hold(const JobPtr& job) {
  take_in(job);
  admission_.hold(job->id);
  job->become_held();
}

// People have approved it, and the journal has that.
void JobLife::release(const JobPtr& job) {
  job->become_queued();
  job->entered = Clock::now();
  admission_.enter(job->id, Clock::now());
  start_what_may();
}

void JobLife::deny(const JobPtr& job, Denied why) {
  if (admission_.leave(job->id)) asio::co_spawn(executor_, end(job, std::move(why)), asio::detached);
}

}  // namespace cordon
