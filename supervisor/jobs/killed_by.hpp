// How a job ends that an engaged switch has caught.
#pragma once

#include "supervisor/jobs/outcome.hpp"
#include "supervisor/kill/kill_switch.hpp"

namespace cordon {

inline Killed killed_by(const Engagement& engagement) {
  return {to_string(engagement.scope), engagement.by, engagement.reason};
}

}  // namespace cordon
