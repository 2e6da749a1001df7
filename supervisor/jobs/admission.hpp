// Who runs, and when: a bounded queue, first in first out, before a bounded number of sandboxes.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/job_store.hpp"

namespace cordon {

class Admission {
 public:
  using CurrentConfig = std::function<const Config&()>;

  Admission(asio::any_io_executor executor, std::string launcher_socket, ArtifactStore& artifacts, JobStore& store,
            CurrentConfig config);

  // Would one more job of this size be taken? Asked before there is a job.
  tl::expected<void, Rejection> room_for(std::uint64_t input_bytes) const;
  void admit(JobPtr job);

  std::optional<std::size_t> position(const Job& job) const;  // 1 is next; nullopt: not waiting
  std::size_t waiting() const { return queue_.size(); }
  std::size_t running() const { return running_; }

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
  std::deque<JobPtr> queue_;
  std::uint64_t queued_bytes_ = 0;
  std::size_t running_ = 0;
};

}  // namespace cordon
