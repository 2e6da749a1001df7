#include "supervisor/jobs/ordering.hpp"

#include <algorithm>
#include <map>

#include "supervisor/image_tree.hpp"

namespace cordon {
namespace {

using Found = std::map<std::pair<std::string, std::string>, FoundArtifact>;

awaitable<Found> find_artifacts(JobStore* store, Caller caller, std::vector<ArtifactRef> wanted) {
  Found found;
  std::map<std::string, JobPtr> jobs;  // each once, however often it is named
  for (const auto& ref : wanted) {
    auto& job = jobs[ref.job];
    if (!job) {
      auto finding = store->find(ref.job);
      job = co_await std::move(finding);
    }
    if (!job || job->state != JobState::finished || !may_see(caller, *job)) continue;
    if (const auto* artifact = find_artifact(*job, ref.path)) {
      found[{ref.job, ref.path}] = {artifact->file, job->written()};
    }
  }
  co_return found;
}

std::vector<ArtifactRef> artifacts_in(const JobRequest& request) {
  std::vector<ArtifactRef> wanted;
  for (const auto& file : request.files) {
    if (file.artifact) wanted.push_back(*file.artifact);
  }
  return wanted;
}

}  // namespace

bool may_see(const Caller& caller, const Job& job) {
  return caller.role == Role::operator_ || caller.account.actor == job.account.actor;
}

const Artifact* find_artifact(const Job& job, const std::string& path) {
  const auto& all = job.collection.artifacts;
  const auto at = std::find_if(all.begin(), all.end(), [&](const Artifact& a) { return a.path == path; });
  return at == all.end() ? nullptr : &*at;
}

awaitable<tl::expected<Ordered, Rejection>> order_request(JobStore* store, CatalogPtr catalog, Caller caller,
                                                          JobRequest asked) {
  const bool wait = asked.wait;
  const auto grant = asked.grant;
  auto finding = find_artifacts(store, caller, artifacts_in(asked));
  const auto found = co_await std::move(finding);
  const FindArtifact find = [&found](const ArtifactRef& ref) {
    const auto at = found.find({ref.job, ref.path});
    return at == found.end() ? FoundArtifact{} : at->second;
  };
  auto order = make_order(std::move(asked), *catalog, find, image_has);
  if (!order) co_return tl::unexpected(order.error());
  Ordered ordered{std::move(*order), wait, grant};
  co_return ordered;
}

awaitable<tl::expected<Ordered, Rejection>> order_job(JobStore* store, CatalogPtr catalog, Caller caller,
                                                      std::string body) {
  auto asked = parse_job_request(body);
  if (!asked) co_return tl::unexpected(asked.error());
  auto ordering = order_request(store, catalog, caller, std::move(*asked));
  co_return co_await std::move(ordering);
}

}  // namespace cordon
