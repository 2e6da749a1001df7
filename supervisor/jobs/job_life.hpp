// The steps of every job's life, in their order: submitted, queued, run, finished. Whatever happens to a job, happens
// here.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/config.hpp"
#include "supervisor/admission/admission.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/job_store.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/kill/kill_latch.hpp"

namespace cordon {

class JobLife {
 public:
  using CurrentConfig = std::function<const Config&()>;

  JobLife(asio::any_io_executor executor, Launcher& launcher, ArtifactStore& artifacts, JobStore& store,
          KillLatch& kill_latch, CurrentConfig config);

  // Would such a job be taken? Asked before there is one.
  tl::expected<void, Rejection> may_submit(const Claim& claim, const Membership& membership) const;
  void submit(JobPtr job);
  // Ends every job of that scope which has not finished, and says which they are: they are not gone yet.
  std::vector<JobPtr> kill(const Engagement& engagement);
  void heed_kill_switch();  // of jobs that came back with a restart
  void reconfigure();       // the configuration is another one

  const Admission& admission() const { return admission_; }

 private:
  void start_what_may();
  void leave_queue(const JobPtr& job);
  void finish(const JobPtr& job, Outcome outcome);
  void release_job_scope(const std::string& id);
  awaitable<void> run(JobPtr job);

  asio::any_io_executor executor_;
  Launcher& launcher_;
  ArtifactStore& artifacts_;
  JobStore& store_;
  KillLatch& kill_latch_;
  CurrentConfig config_;
  Admission admission_;
};

}  // namespace cordon
