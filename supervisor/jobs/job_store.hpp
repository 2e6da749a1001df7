// All jobs that anybody may still ask for, and whose idempotency key means which: those that have not ended and the
// latest of the others in memory, the rest in the journal.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/jobs/job.hpp"
#include "supervisor/journal/journal.hpp"

namespace cordon {

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
  std::string id;
  Sha256 request{};  // of the body that made it
};

class JobStore {
 public:
  JobStore(Journal& journal, ArtifactStore& artifacts, const Evidence& evidence)
      : journal_(journal), artifacts_(artifacts), evidence_(evidence) {}

  void add(JobPtr job);
  void bind(IdempotencyKey key, const Sha256& request, const JobPtr& job);
  void remove(const std::string& id);     // it never was
  void ended(const std::string& id);      // and the journal has it
  void forgotten(const std::string& id);  // the journal has it no longer

  JobPtr in_memory(const std::string& id) const;  // nullptr: not there
  std::optional<KeyedJob> in_memory(const IdempotencyKey& key) const;
  const std::map<std::string, JobPtr>& unfinished() const { return unfinished_; }

  awaitable<JobPtr> find(std::string id);  // nullptr: none
  awaitable<std::optional<KeyedJob>> find(IdempotencyKey key);
  // Whether there was such a job, of this actor, that was forgotten since (so far as that is still known).
  awaitable<bool> was_forgotten(std::string id, std::optional<std::string> actor);
  awaitable<JobPage> list(JobQuery query);
  std::vector<JobPtr> select(const std::function<bool(const Job&)>& wanted) const;  // of those in memory, oldest first

 private:
  struct KeyEntry {
    IdempotencyKey key;
    Sha256 request{};
  };
  void forget_key_of(const std::string& id);
  void shrink_recent();
  JobPtr restore(const StoredJob& stored) const;
  JobPtr restore_once(const StoredJob& stored);
  std::map<std::string, JobPtr, std::greater<>> matching(const JobQuery& query) const;

  Journal& journal_;
  ArtifactStore& artifacts_;
  const Evidence& evidence_;
  std::map<std::string, JobPtr> unfinished_;  // ids sort by time
  std::map<std::string, JobPtr> recent_;      // ended ones
  std::deque<std::string> recent_order_;
  std::uint64_t recent_bytes_ = 0;
  std::map<std::string, std::weak_ptr<Job>> restored_;  // that somebody reads
  std::map<IdempotencyKey, KeyedJob> keys_;             // of the unfinished
  std::map<std::string, IdempotencyKey> keys_of_jobs_;
};

}  // namespace cordon
