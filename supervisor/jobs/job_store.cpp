#include "supervisor/jobs/job_store.hpp"

#include <algorithm>
#include <iterator>

namespace cordon {
namespace {

constexpr std::size_t forgotten_kept = 100'000;  // ids answered with 410 instead of 404

bool matches(const Job& job, const JobQuery& query) {
  return (!query.actor || job.account.actor == *query.actor) && (!query.state || job.state == *query.state);
}

}  // namespace

void JobStore::add(JobPtr job) {
  jobs_.emplace(job->id, std::move(job));
}

void JobStore::bind(IdempotencyKey key, const Sha256& request, const JobPtr& job) {
  keys_of_jobs_.emplace(job->id, key);
  keys_.emplace(std::move(key), KeyEntry{job->id, request});
}

void JobStore::finished(const JobPtr& job, const Retention& retention) {
  finished_.push_back(job);
  add_to(held_[job->account.actor], *job);
  output_bytes_ += job->output_memory();
  artifact_bytes_ += job->artifact_bytes();
  const auto too_much = [&] {
    return finished_.size() > retention.jobs || output_bytes_ > retention.bytes || artifact_bytes_ > retention.bytes;
  };
  while (finished_.size() > 1 && too_much()) forget(oldest_of(greediest(retention)));
}

void JobStore::add_to(Held& held, const Job& job) {
  held.jobs += 1;
  held.bytes += job.output_memory() + job.artifact_bytes();
}

// Whose jobs have to go: one actor's flood must not make another's results disappear.
std::string JobStore::greediest(const Retention& retention) const {
  const auto share = [&](const Held& held) {
    return std::max(static_cast<double>(held.jobs) / static_cast<double>(retention.jobs),
                    static_cast<double>(held.bytes) / static_cast<double>(retention.bytes));
  };
  return std::max_element(held_.begin(), held_.end(),
                          [&](const auto& a, const auto& b) { return share(a.second) < share(b.second); })
      ->first;
}

std::deque<JobPtr>::iterator JobStore::oldest_of(const std::string& actor) {
  return std::find_if(finished_.begin(), finished_.end(),
                      [&](const JobPtr& job) { return job->account.actor == actor; });
}

void JobStore::forget(const std::deque<JobPtr>::iterator& at) {
  const auto job = *at;
  finished_.erase(at);
  auto& held = held_[job->account.actor];
  held.bytes -= job->output_memory() + job->artifact_bytes();
  if (--held.jobs == 0) held_.erase(job->account.actor);
  output_bytes_ -= job->output_memory();
  artifact_bytes_ -= job->artifact_bytes();
  jobs_.erase(job->id);
  forgotten_.emplace(job->id, job->account.actor);
  forgotten_order_.push_back(job->id);
  if (forgotten_order_.size() <= forgotten_kept) return;
  forget_key_of(forgotten_order_.front());
  forgotten_.erase(forgotten_order_.front());
  forgotten_order_.pop_front();
}

// A key outlives its job: what has run once must not run again because its result is gone.
void JobStore::forget_key_of(const std::string& id) {
  const auto key = keys_of_jobs_.find(id);
  if (key == keys_of_jobs_.end()) return;
  keys_.erase(key->second);
  keys_of_jobs_.erase(key);
}

JobPtr JobStore::find(const std::string& id) const {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : at->second;
}

std::optional<KeyedJob> JobStore::find(const IdempotencyKey& key) const {
  const auto at = keys_.find(key);
  if (at == keys_.end()) return std::nullopt;
  return KeyedJob{find(at->second.id), at->second.id, at->second.request};
}

bool JobStore::was_forgotten(const std::string& id, std::optional<std::string> actor) const {
  const auto at = forgotten_.find(id);
  return at != forgotten_.end() && (!actor || *actor == at->second);
}

std::vector<JobPtr> JobStore::select(const std::function<bool(const Job&)>& wanted) const {
  std::vector<JobPtr> found;
  for (const auto& [id, job] : jobs_) {
    if (wanted(*job)) found.push_back(job);
  }
  return found;
}

JobPage JobStore::list(const JobQuery& query) const {
  JobPage page;
  const auto from = query.after.empty() ? jobs_.end() : jobs_.lower_bound(query.after);
  for (auto at = std::make_reverse_iterator(from); at != jobs_.rend(); ++at) {
    if (!matches(*at->second, query)) continue;
    if (page.jobs.size() == query.limit) {
      page.next = page.jobs.back()->id;
      break;
    }
    page.jobs.push_back(at->second);
  }
  return page;
}

}  // namespace cordon
