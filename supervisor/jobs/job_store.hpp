// All jobs that anybody may still ask for, newest last, and whose idempotency key means which. In memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/jobs/job.hpp"

namespace cordon {

struct Retention {
  std::size_t jobs = 0;     // finished ones
  std::uint64_t bytes = 0;  // of their output, and of their artifacts
};

struct JobQuery {
  std::optional<std::string> actor;  // whose; nullopt: everybody's
  std::optional<JobState> state;
  std::size_t limit = 100;
  std::string after;  // an id; empty: from the newest
};
struct JobPage {
  std::vector<JobPtr> jobs;  // newest first
  std::string next;          // the `after` of the next page; empty: this was the last
};

struct IdempotencyKey {
  std::string actor;
  std::string key;
  auto operator<=>(const IdempotencyKey&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
};
struct KeyedJob {
  JobPtr job;  // nullptr: it was forgotten since
  std::string id;
  Sha256 request{};  // of the body that made it
};

class JobStore {
 public:
  void add(JobPtr job);
  void bind(IdempotencyKey key, const Sha256& request, const JobPtr& job);
  void finished(const JobPtr& job, const Retention& retention);  // may forget older ones, of the actor with the most

  JobPtr find(const std::string& id) const;  // nullptr: none
  std::optional<KeyedJob> find(const IdempotencyKey& key) const;
  // Whether there was such a job, of this actor, that was forgotten since (so far as that is still known).
  bool was_forgotten(const std::string& id, std::optional<std::string> actor) const;
  JobPage list(const JobQuery& query) const;
  std::vector<JobPtr> select(const std::function<bool(const Job&)>& wanted) const;  // oldest first

 private:
  struct Held {
    std::size_t jobs = 0;
    std::uint64_t bytes = 0;
  };
  static void add_to(Held& held, const Job& job);
  std::string greediest(const Retention& retention) const;  // whose share of what may be kept is the largest
  std::deque<JobPtr>::iterator oldest_of(const std::string& actor);
  void forget(const std::deque<JobPtr>::iterator& at);
  void forget_key_of(const std::string& id);

  struct KeyEntry {
    std::string id;
    Sha256 request{};
  };
  std::map<std::string, JobPtr> jobs_;  // ids sort by time
  std::map<IdempotencyKey, KeyEntry> keys_;
  std::map<std::string, IdempotencyKey> keys_of_jobs_;
  std::deque<JobPtr> finished_;       // in the order they ended
  std::map<std::string, Held> held_;  // of the finished ones, by actor
  std::uint64_t output_bytes_ = 0, artifact_bytes_ = 0;
  std::deque<std::string> forgotten_order_;
  std::map<std::string, std::string> forgotten_;
};

}  // namespace cordon
