// The Asio side of one sandbox: one socket to the launcher, whose life is the sandbox's life (architecture.md, law 3).
#pragma once

#include <functional>
#include <optional>

#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/launcher.hpp"

namespace cordon {

// How the job ends if it may not be started any more; nullopt: it may.
using Decide = std::function<std::optional<Outcome>(const Job&)>;

// Has `job` run in a sandbox of its own and fills in its output, facts and artifacts. `decide` is asked at once, and
// again whenever the launcher has found that the kill switch's generation is another by now. The caller finishes the
// job with the outcome that comes back. Throws nothing.
awaitable<Outcome> run_in_sandbox(JobPtr job, Launcher* launcher, ArtifactStore* store, Decide decide);

}  // namespace cordon
