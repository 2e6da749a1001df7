// One lifeline, from its first message to the last byte of the report: the linear life of a per-sandbox launcher.
// Runs in: a fork of the resident launcher, as root.
#pragma once

#include <optional>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/host.hpp"
#include "sandbox/launcher/plan.hpp"

namespace cordon {

// A hello, or one sandbox and its job. Returns when it is over and cleaned up behind. Without a lease there is none.
void serve_lifeline(Fd lifeline, std::optional<Lease> lease, Host& host);

// Says that there will be no sandbox, and why: for what fails before a lifeline can be served.
void refuse_job(int lifeline, const KernelError& why);

}  // namespace cordon
