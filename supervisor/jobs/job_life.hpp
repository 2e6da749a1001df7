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

  JobLife(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts, JobStore& store,
          CurrentConfig config);

  // Takes a place for a job that is about to be submitted, or says why there is none.
  tl::expected<void, Rejection> reserve(const std::string& id, Claim claim);
  void submit(JobPtr job);
  void reconfigure();  // the configuration is another one

  const Admission& admission() const { return admission_; }
  std::size_t reset_breaker(const std::string& actor);  // how many circuits were open

 private:
  void start_what_may();
  void look_again_in_time();
  void tell_notices();
  void leave_queue(const JobPtr& job);
  void finish(const JobPtr& job, Outcome outcome);
  awaitable<void> run(JobPtr job);

  asio::any_io_executor executor_;
  std::string launcher_socket_;
  ArtifactStore& artifacts_;
  JobStore& store_;
  CurrentConfig config_;
  Admission admission_;
  asio::steady_timer look_again_;
};

}  // namespace cordon
