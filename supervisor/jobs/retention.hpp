// How long reports are kept: so many, so many bytes, for so long. What goes first is the oldest of the actor who has
// the most: one actor's flood must not make another's results disappear.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "profiles/config.hpp"
#include "supervisor/jobs/artifact_store.hpp"
#include "supervisor/jobs/job_store.hpp"
#include "supervisor/journal/journal.hpp"

namespace cordon {

struct RetentionLimits {
  std::uint64_t jobs = 0;
  std::uint64_t bytes = 0;  // of output and artifacts
  std::int64_t age_s = 0;
};

// What is kept by actor. Pure.
class Holdings {
 public:
  explicit Holdings(std::map<std::string, Held> held = {});
  void add(const std::string& actor, std::uint64_t bytes);
  void subtract(const std::map<std::string, Held>& gone);

  bool exceed(const RetentionLimits& limits) const { return total_.jobs > limits.jobs || total_.bytes > limits.bytes; }
  const std::string& greediest(const RetentionLimits& limits) const;  // when there is any
  std::uint64_t jobs() const { return total_.jobs; }

 private:
  std::map<std::string, Held> held_;
  Held total_;
};

class Retention {
 public:
  using CurrentLimits = std::function<RetentionLimits()>;
  Retention(asio::any_io_executor executor, Journal& journal, JobStore& store, ArtifactStore& artifacts,
            CurrentLimits limits);

  // Once, before anything ends: what former processes left.
  awaitable<void> begin();
  void ended(const std::string& actor, std::uint64_t bytes);

 private:
  awaitable<void> shrink();
  awaitable<void> forget(std::function<Forgotten(JobRows&)> what);
  awaitable<void> forget_aged();
  awaitable<void> watch_age();
  awaitable<void> sweep_artifacts();

  asio::any_io_executor executor_;
  Journal& journal_;
  JobStore& store_;
  ArtifactStore& artifacts_;
  CurrentLimits limits_;
  Holdings holdings_;
  bool shrinking_ = false;
};

}  // namespace cordon
