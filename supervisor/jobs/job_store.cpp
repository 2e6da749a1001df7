#include "supervisor/jobs/job_store.hpp"

#include <algorithm>

#include "supervisor/jobs/job_report.hpp"

namespace cordon {
namespace {

// What is asked for again soon after its end: a client's second look, the next page.
constexpr std::size_t recent_jobs = 512;
constexpr std::uint64_t recent_output = std::uint64_t{32} << 20;

bool matches(const Job& job, const JobQuery& query) {
  return (!query.actor || job.account.actor == *query.actor) && (!query.state || job.state == *query.state) &&
         (query.after.empty() || job.id < query.after);
}

}  // namespace

void JobStore::add(JobPtr job) {
  unfinished_.emplace(job->id, std::move(job));
}

void JobStore::bind(IdempotencyKey key, const Sha256& request, const JobPtr& job) {
  keys_of_jobs_.emplace(job->id, key);
  keys_.emplace(std::move(key), KeyedJob{job->id, request});
}

void JobStore::remove(const std::string& id) {
  unfinished_.erase(id);
  forget_key_of(id);
}

void JobStore::ended(const std::string& id) {
  const auto at = unfinished_.find(id);
  if (at == unfinished_.end()) return;
  const auto job = at->second;
  remove(id);
  recent_.emplace(id, job);
  recent_order_.push_back(id);
  recent_bytes_ += job->output_memory();
  shrink_recent();
}

void JobStore::shrink_recent() {
  while (recent_order_.size() > 1 && (recent_order_.size() > recent_jobs || recent_bytes_ > recent_output)) {
    const auto oldest = recent_.find(recent_order_.front());
    recent_order_.pop_front();
    if (oldest == recent_.end()) continue;
    recent_bytes_ -= oldest->second->output_memory();
    recent_.erase(oldest);
  }
}

void JobStore::forgotten(const std::string& id) {
  restored_.erase(id);
  const auto at = recent_.find(id);
  if (at == recent_.end()) return;
  recent_bytes_ -= at->second->output_memory();
  recent_.erase(at);
}

void JobStore::forget_key_of(const std::string& id) {
  const auto key = keys_of_jobs_.find(id);
  if (key == keys_of_jobs_.end()) return;
  keys_.erase(key->second);
  keys_of_jobs_.erase(key);
}

JobPtr JobStore::in_memory(const std::string& id) const {
  if (const auto at = unfinished_.find(id); at != unfinished_.end()) return at->second;
  if (const auto at = recent_.find(id); at != recent_.end()) return at->second;
  const auto at = restored_.find(id);
  return at == restored_.end() ? nullptr : at->second.lock();
}

std::optional<KeyedJob> JobStore::in_memory(const IdempotencyKey& key) const {
  const auto at = keys_.find(key);
  if (at == keys_.end()) return std::nullopt;
  return at->second;
}

JobPtr JobStore::restore(const StoredJob& stored) const {
  auto job =
      restored_job(stored, [this](const Sha256& digest, std::uint64_t size) { return artifacts_.open(digest, size); });
  job->recorded = evidence_.waiting_outcome(stored.id);
  return job;
}

// All who read a job at a time read one copy of it.
JobPtr JobStore::restore_once(const StoredJob& stored) {
  if (const auto at = restored_.find(stored.id); at != restored_.end()) {
    if (auto job = at->second.lock()) return job;
  }
  std::erase_if(restored_, [](const auto& entry) { return entry.second.expired(); });
  auto job = restore(stored);
  restored_[stored.id] = job;
  return job;
}

awaitable<JobPtr> JobStore::find(std::string id) {
  if (auto job = in_memory(id)) co_return job;
  std::function<std::optional<StoredJob>(JobRows&)> load = [id](JobRows& rows) { return rows.load(id); };
  const auto stored = co_await journal_.read(std::move(load));
  if (stored) co_return restore_once(*stored);
  co_return in_memory(id);  // it may have come to be meanwhile
}

awaitable<std::optional<KeyedJob>> JobStore::find(IdempotencyKey key) {
  if (auto known = in_memory(key)) co_return known;
  std::function<std::optional<KeyRow>(JobRows&)> look = [key](JobRows& rows) {
    return rows.find_key(key.actor, key.key);
  };
  const auto row = co_await journal_.read(std::move(look));
  if (row) co_return KeyedJob{row->id, row->request};
  co_return in_memory(key);
}

awaitable<bool> JobStore::was_forgotten(std::string id, std::optional<std::string> actor) {
  std::function<std::optional<std::string>(JobRows&)> look = [id](JobRows& rows) { return rows.forgotten_actor(id); };
  const auto whose = co_await journal_.read(std::move(look));
  co_return whose && (!actor || *actor == *whose);
}

std::map<std::string, JobPtr, std::greater<>> JobStore::matching(const JobQuery& query) const {
  std::map<std::string, JobPtr, std::greater<>> found;
  for (const auto* jobs : {&unfinished_, &recent_}) {
    for (const auto& [id, job] : *jobs) {
      if (job->acceptance == Acceptance::accepted && matches(*job, query)) found.emplace(id, job);
    }
  }
  return found;
}

std::vector<JobPtr> JobStore::select(const std::function<bool(const Job&)>& wanted) const {
  std::vector<JobPtr> found;
  for (const auto* jobs : {&recent_, &unfinished_}) {
    for (const auto& [id, job] : *jobs) {
      if (wanted(*job)) found.push_back(job);
    }
  }
  return found;
}

awaitable<JobPage> JobStore::list(JobQuery query) {
  JobRows::Listed stored;
  if (!query.state || *query.state == JobState::finished) {
    const ListQuery rows_wanted{query.actor, query.after, query.limit + 1};
    std::function<JobRows::Listed(JobRows&)> look = [rows_wanted](JobRows& rows) { return rows.list(rows_wanted); };
    stored = co_await journal_.read(std::move(look));
  }
  auto found = matching(query);
  for (const auto& job : stored.jobs) {
    if (!found.contains(job.id)) found.emplace(job.id, restore(job));
  }
  if (stored.cut)
    found.erase(found.upper_bound(stored.jobs.back().id), found.end());  // of what is older not all is here
  JobPage page;
  for (const auto& [id, job] : found) {
    if (page.jobs.size() == query.limit) {
      page.next = page.jobs.back()->id;
      break;
    }
    page.jobs.push_back(job);
  }
  if (stored.cut && page.next.empty()) page.next = page.jobs.back()->id;
  co_return page;
}

}  // namespace cordon
