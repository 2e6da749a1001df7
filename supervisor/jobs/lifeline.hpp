// The Asio side of one sandbox: one socket to the launcher, whose life is the sandbox's life (architecture.md, law 3).
#pragma once

#include <memory>
#include <string>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/job.hpp"

namespace cordon {

// Asks the launcher whether it is there and whether everything of a former cordond is dead. Throws KernelError.
awaitable<Ready> greet_launcher(std::string socket_path, Clock::time_point deadline);

// Has `job` run in a sandbox of its own and fills in its output, facts and artifacts. The caller finishes the job with
// the outcome that comes back. Throws nothing.
awaitable<Outcome> run_in_sandbox(JobPtr job, std::string launcher_socket, ArtifactStore& store);

}  // namespace cordon
