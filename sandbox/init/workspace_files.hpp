// Writes the client's files into /work, with the job's own rights.
// Runs in: the sandbox, after every right is gone.
#pragma once

#include "sandbox/payload.hpp"

namespace cordon {

void write_workspace_files(const std::vector<PayloadFile>& files);

}  // namespace cordon
