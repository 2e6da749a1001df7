// A job in its sandbox: finds one, gives it the order, follows it to its end. The Asio side of what JobLife calls run.
#pragma once

#include <functional>
#include <optional>

#include "supervisor/egress/egress_watcher.hpp"
#include "supervisor/jobs/artifact_store.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/warm/warm_pool.hpp"

namespace cordon {

// Where sandboxes come from: some stand ready, the others are asked for.
struct Sandboxes {
  Launcher& launcher;
  WarmPool& warm;
  EgressWatcher& egress;
};

// How the job ends if it may not be started any more; nullopt: it may.
using Decide = std::function<std::optional<Outcome>(const Job&)>;

// Has `job` run in a sandbox of its own and fills in its output, facts and artifacts. `decide` is asked at once, and
// again whenever the launcher has found that the kill switch's generation is another by now. The caller finishes the
// job with the outcome that comes back. Throws nothing.
awaitable<Outcome> run_in_sandbox(JobPtr job, Sandboxes sandboxes, ArtifactStore* store, Decide decide);

}  // namespace cordon
