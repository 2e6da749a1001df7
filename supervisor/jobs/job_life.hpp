// The steps of every job's life, in their order: submitted, queued, run, finished. Whatever happens to a job, happens
// here.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "profiles/config.hpp"
#include "supervisor/admission/admission.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/job_store.hpp"

namespace cordon {

class JobLife {
 public:
  using CurrentConfig = std::function<const Config&()>;
  using OnEnd = std::function<void(const Job&)>;

  JobLife(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts, JobStore& store,
          CurrentConfig config, OnEnd on_end);

  // Would such a job be taken? Asked before there is one.
  tl::expected<void, Rejection> may_submit(const Claim& claim) const;
  void submit(JobPtr job);
  void reconfigure();  // the configuration is another one

  const Admission& admission() const { return admission_; }

 private:
  void start_what_may();
  void leave_queue(const JobPtr& job);
  void finish(const JobPtr& job, Outcome outcome);
  awaitable<void> run(JobPtr job);

  asio::any_io_executor executor_;
  std::string launcher_socket_;
  ArtifactStore& artifacts_;
  JobStore& store_;
  CurrentConfig config_;
  OnEnd on_end_;  // the job has finished: tell of it
  Admission admission_;
};

}  // namespace cordon
