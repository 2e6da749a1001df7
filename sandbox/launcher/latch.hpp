// Whether the tool of a job may be executed at this moment: both words of the latch, read anew for each.
// Runs in: launcher, as root.
#pragma once

#include <optional>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/report.hpp"
#include "sandbox/stop_all.hpp"

namespace cordon {

struct Latch {
  Fd page;  // latch.hpp of the public headers
  StopAllPlaces stop_all;

  // Root's word, if it can be read and stands: for what ended early, to say why.
  std::optional<Stopped> stopped() const;
};

// The latch is closed to this job: Stale or Stopped.
struct LatchClosed {
  Ending ending;
};

// The last step before "go". Throws LatchClosed, or KernelError when the latch cannot be read: what is unreadable is
// engaged.
void expect_open(const Latch& latch, std::uint64_t generation);

}  // namespace cordon
