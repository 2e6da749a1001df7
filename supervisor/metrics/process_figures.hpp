// What the kernel says of this process (proc(5)). Figures that cannot be read are 0.
#pragma once

#include "supervisor/metrics/metrics.hpp"

namespace cordon {

Metrics::Now::Process process_figures();

}  // namespace cordon
