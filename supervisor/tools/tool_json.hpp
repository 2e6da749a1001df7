// Tools and plans as clients read them. Pure.
#pragma once

#include "supervisor/jobs/job_order.hpp"
#include "supervisor/tools/decision.hpp"
#include "supervisor/tools/tool_gate.hpp"

namespace cordon {

Json tool_json(const LoadedTool& tool, const ToolStatus& status, const ToolState* state);

// Of a dry run of a call: all that would be run, as what, and what is decided about it.
Json plan_json(const JobOrder& order, const Decision& decision);

}  // namespace cordon
