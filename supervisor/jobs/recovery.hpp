// What a former cordond left unfinished, as the journal tells (decisions.md, "Kill and restart"): a job that waited,
// and whose client may still ask for it, waits again, in the queue or for people; every other is lost, with the reason
// and without an exit code.
#pragma once

#include "supervisor/catalog.hpp"
#include "supervisor/events/operator_event.hpp"
#include "supervisor/jobs/job_life.hpp"
#include "supervisor/tools/tool_gate.hpp"

namespace cordon {

struct LostJob {
  Subject subject;
  std::string reason;
};
struct Recovered {
  std::size_t queued = 0;
  std::vector<LostJob> lost;
};

// Once, before anything is served and after the launcher has said that nothing of the former cordond is alive.
awaitable<Recovered> recover_jobs(Journal* journal, JobStore* store, JobLife* life, Authority* authority,
                                  ToolGate* gate, CatalogPtr catalog);

}  // namespace cordon
