// From a body to what is possible: reads it, finds the artifacts of earlier jobs that it names, and checks it against
// the profiles and images in force.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "supervisor/catalog.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job_store.hpp"

namespace cordon {

struct Ordered {
  JobOrder order;
  bool wait = false;
  std::string grant;  // its secret
};

// Operators see every job, an agent those of its own actor.
bool may_see(const Caller& caller, const Job& job);
const Artifact* find_artifact(const Job& job, const std::string& path);

awaitable<tl::expected<Ordered, Rejection>> order_request(JobStore* store, CatalogPtr catalog, Caller caller,
                                                          JobRequest asked);
awaitable<tl::expected<Ordered, Rejection>> order_job(JobStore* store, CatalogPtr catalog, Caller caller,
                                                      std::string body);

}  // namespace cordon
