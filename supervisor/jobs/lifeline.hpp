// The Asio side of one sandbox: one socket to the launcher, whose life is the sandbox's life (architecture.md, law 3).
#pragma once

#include <memory>
#include <string>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/launcher_socket.hpp"

namespace cordon {

// The launcher's answer, and the connection it came on: as long as that is open, the launcher lives.
struct Greeting {
  Ready ready;
  std::shared_ptr<LauncherSocket> line;
};

// Asks the launcher whether it is there and whether everything of a former cordond is dead. Throws KernelError.
awaitable<Greeting> greet_launcher(std::string socket_path, Clock::time_point deadline);

// Has `job` run in a sandbox of its own and fills in its output, facts and artifacts. The caller finishes the job with
// the outcome that comes back. Throws nothing.
awaitable<Outcome> run_in_sandbox(JobPtr job, std::string launcher_socket, ArtifactStore& store);

}  // namespace cordon
