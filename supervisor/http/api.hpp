// What the handlers work on, and the handlers: one for each route.
#pragma once

#include <optional>
#include <string>

#include "sandbox/report.hpp"
#include "supervisor/authority/authority.hpp"
#include "supervisor/catalog.hpp"
#include "supervisor/egress/egress_watcher.hpp"
#include "supervisor/events/operations.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/evidence/kept_refusals.hpp"
#include "supervisor/host_room.hpp"
#include "supervisor/http/connection_table.hpp"
#include "supervisor/http/message.hpp"
#include "supervisor/jobs/job_id.hpp"
#include "supervisor/jobs/job_life.hpp"
#include "supervisor/jobs/job_store.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/jobs/retention.hpp"
#include "supervisor/journal/journal.hpp"
#include "supervisor/kill/kill_latch.hpp"
#include "supervisor/tools/tool_gate.hpp"
#include "supervisor/warm/warm_pool.hpp"

namespace cordon {

struct Api {
  std::string config_file;
  std::string evidence_dir;  // the ledger's; it lets operators read, and cordond is one of their group
  CatalogPtr catalog;
  JobIds ids;
  Evidence evidence;
  KeptRefusals refusals;
  ArtifactStore artifacts;
  Journal journal;
  JobStore store;
  Retention retention;
  Launcher launcher;
  KillLatch kill_latch;
  Operations operations;
  HostWatch host;
  ToolGate tools;
  WarmPool warm;
  Authority authority;
  EgressWatcher egress;
  JobLife life;
  ConnectionTable connections;
};

// Revokes a grant with all that were made from it; what was being started under one is not, and what runs under one
// loses its network: its flows are being cut. With `kill` what runs, or waits, under them ends as well: it is not gone
// yet.
struct Revocation {
  std::vector<std::string> grants;
  std::vector<JobPtr> cut, killed;
};
Revocation revoke(Api& api, const std::string& name, const std::string& by, bool kill);

// Loads anew; what was in force stays so when anything is wrong.
tl::expected<void, CatalogFault> reload(Api& api, const std::string& by);
// Looks at the tools that were loaded, and tells of those that are not as they were approved.
void see_tools(Api& api);
// What this cordond cannot do as configured, with where that stands.
std::optional<FieldError> unmet(const Api& api, const OperationsConfig& config);

// Path parameters are the decoded segments that a pattern left open.
using Parameters = std::vector<std::string>;
using Handler = awaitable<Answer> (*)(Api*, RequestPtr, Parameters);

awaitable<Answer> submit_job(Api*, RequestPtr, Parameters);
awaitable<Answer> list_jobs(Api*, RequestPtr, Parameters);
awaitable<Answer> get_job(Api*, RequestPtr, Parameters);
awaitable<Answer> cancel_job(Api*, RequestPtr, Parameters);
awaitable<Answer> get_events(Api*, RequestPtr, Parameters);
awaitable<Answer> get_stdout(Api*, RequestPtr, Parameters);
awaitable<Answer> get_stderr(Api*, RequestPtr, Parameters);
awaitable<Answer> get_artifact(Api*, RequestPtr, Parameters);
awaitable<Answer> get_profiles(Api*, RequestPtr, Parameters);
awaitable<Answer> get_tools(Api*, RequestPtr, Parameters);
awaitable<Answer> get_tool(Api*, RequestPtr, Parameters);
awaitable<Answer> put_tool(Api*, RequestPtr, Parameters);
awaitable<Answer> call_tool(Api*, RequestPtr, Parameters);
awaitable<Answer> check_health(Api*, RequestPtr, Parameters);
awaitable<Answer> list_unsettled(Api*, RequestPtr, Parameters);
awaitable<Answer> settle_job(Api*, RequestPtr, Parameters);
awaitable<Answer> compensate_job(Api*, RequestPtr, Parameters);
awaitable<Answer> get_info(Api*, RequestPtr, Parameters);
awaitable<Answer> get_health(Api*, RequestPtr, Parameters);
awaitable<Answer> list_kills(Api*, RequestPtr, Parameters);
awaitable<Answer> engage_kill(Api*, RequestPtr, Parameters);
awaitable<Answer> release_kill(Api*, RequestPtr, Parameters);
awaitable<Answer> reload_all(Api*, RequestPtr, Parameters);
awaitable<Answer> list_approvals(Api*, RequestPtr, Parameters);
awaitable<Answer> get_approval(Api*, RequestPtr, Parameters);
awaitable<Answer> decide_approval(Api*, RequestPtr, Parameters);
awaitable<Answer> make_grant(Api*, RequestPtr, Parameters);
awaitable<Answer> list_grants(Api*, RequestPtr, Parameters);
awaitable<Answer> get_grant(Api*, RequestPtr, Parameters);
awaitable<Answer> revoke_grant(Api*, RequestPtr, Parameters);
awaitable<Answer> list_contexts(Api*, RequestPtr, Parameters);
awaitable<Answer> clear_context(Api*, RequestPtr, Parameters);
awaitable<Answer> open_incident(Api*, RequestPtr, Parameters);
awaitable<Answer> get_governance(Api*, RequestPtr, Parameters);
awaitable<Answer> get_breakers(Api*, RequestPtr, Parameters);
awaitable<Answer> reset_breaker(Api*, RequestPtr, Parameters);
awaitable<Answer> get_operator_events(Api*, RequestPtr, Parameters);
awaitable<Answer> get_evidence(Api*, RequestPtr, Parameters);
awaitable<Answer> hold_evidence(Api*, RequestPtr, Parameters);
awaitable<Answer> release_evidence(Api*, RequestPtr, Parameters);
awaitable<Answer> get_statement(Api*, RequestPtr, Parameters);
awaitable<Answer> get_metrics(Api*, RequestPtr, Parameters);

std::string metrics_text(const Api& api);

// Puts a refusal on the record, if it is a decision. `uid`: as the kernel says; nullopt: it does not.
void keep_refusal(Api* api, std::optional<std::uint32_t> uid, const Account& account, const Rejection& why);

}  // namespace cordon
