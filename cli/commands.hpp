// The commands. Each returns the exit code; what goes wrong is a Failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/job_request.hpp"
#include "cli/session.hpp"

namespace cordon::cli {

struct RunOptions {
  JobWish wish;
  std::string grant_file;        // with the secret of a grant; empty: CORDON_GRANT, or none
  std::string idempotency_key;   // empty: a fresh one
  std::string output_directory;  // empty: artifacts stay where they are
  bool raw = false;              // a job's bytes reach the terminal as they are
  bool report = false;           // a summary on standard error at the end
  bool detach = false;
};
int run_job(const Session& session, const RunOptions& options);

struct ListOptions {
  bool all = false;
  bool network = false;  // what goes over the network, instead
  unsigned last = 50;
};
int list_jobs(const Session& session, const ListOptions& options);

struct LogsOptions {
  std::string id;
  bool follow = false;
  bool raw = false;
};
int show_logs(const Session& session, const LogsOptions& options);
int show_job(const Session& session, const std::string& id);
int cancel_job(const Session& session, const std::string& id);

struct KillOptions {
  bool all = false;
  std::string tenant, actor, tool, profile, job;  // exactly one, or all
  std::string reason;
};
int kill_scope(const Session& session, const KillOptions& options);  // 1 when something survived
int release_scope(const Session& session, const KillOptions& options);
int list_kills(const Session& session);
int drill_kill(const Session& session, const std::string& profile);
struct EventsOptions {
  bool follow = false;
  std::string since;              // the id of the last one seen; empty: from the oldest that is kept
  std::string resume_file;        // keeps that id; empty: none
  std::vector<std::string> hook;  // argv; empty: none
  unsigned timeout_s = 30;        // of one run of it
};
int watch_events(const Session& session, const EventsOptions& options);

int list_profiles(const Session& session);
int show_profile(const Session& session, const std::string& name);
int check_profile(const Session& session, const std::string& file);
int show_info(const Session& session);
int reload_instance(const Session& session);  // 1 when what was in force still is

int list_approvals(const Session& session, const std::string& id);  // empty: all that wait
struct ApproveOptions {
  std::string id;
  std::string binding;  // what was looked at; empty: what is there now, and is shown
};
int approve_job(const Session& session, const ApproveOptions& options);
int deny_job(const Session& session, const std::string& id, const std::string& reason);

struct GrantOptions {
  std::optional<std::uint32_t> uid;
  std::string actor, tenant, task;
  std::vector<std::string> tools, profiles, actions, resources, data_classes;
  std::uint32_t expires_s = 0;
  std::uint64_t uses = 0;
  std::string secret_file;  // of the one to be narrowed
};
int create_grant(const Session& session, const GrantOptions& options);
int narrow_grant(const Session& session, const GrantOptions& options);
int list_grants(const Session& session);
int show_grant(const Session& session, const std::string& name);
int revoke_grant(const Session& session, const std::string& name, bool kill);
int list_contexts(const Session& session);
int clear_context(const Session& session, const std::string& actor, const std::string& task);

int open_incident(const Session& session, const std::string& scope, const std::string& reason);
int show_governance(const Session& session);
struct DoctorOptions {
  std::string config_file = "/etc/cordon/cordon.json";
  std::string state_dir = "/var/lib/cordon";
  bool canary = true;
};
int examine(const Session& session, const DoctorOptions& options);  // 0, or what doctor/finding.hpp says

struct EgressQuestion {
  std::string profile, target;  // a name or an IPv4 address
  std::uint16_t port = 0;
};
int check_egress(const Session& session, const EgressQuestion& question);  // 1: denied
int list_tools(const Session& session);
int show_tool(const Session& session, const std::string& name);
int check_tool(const Session& session, const std::string& file);         // 1: it is at fault
int check_tool_health(const Session& session, const std::string& name);  // 1: it is not well
int approve_tool(const Session& session, const std::string& name, const std::string& digest);
int disable_tool(const Session& session, const std::string& name, const std::string& reason);
int enable_tool(const Session& session, const std::string& name);

struct CallOptions {
  std::string tool, input, grant, idempotency_key;
  std::vector<std::string> limits, files, labels;  // as of `run`
  bool dry_run = false;
};
int call_tool(const Session& session, const CallOptions& options);
int settle_job(const Session& session, const std::string& id, const std::string& as);
int compensate_job(const Session& session, const std::string& id);
struct EvidenceOptions {
  std::string directory;                      // empty: the instance's
  std::string key_file;                       // kept outside; empty: the directory's own
  std::vector<std::string> checkpoint_files;  // kept outside
  std::string job;
  unsigned grace_s = 60;  // between the launcher's word and cordond's
  bool show_key = false, statement = false;
};
int verify_evidence(const Session& session, const EvidenceOptions& options);  // 1 when anything is wrong
int show_checkpoint(const Session& session, const EvidenceOptions& options);
int prove_job(const Session& session, const EvidenceOptions& options);
int prove_consistency(const Session& session, const EvidenceOptions& options);
int export_evidence(const Session& session, const EvidenceOptions& options);

struct HoldOptions {
  std::string scope, reason;
};
int hold_evidence(const Session& session, const HoldOptions& options);
int release_hold(const Session& session, const HoldOptions& options);
int list_holds(const Session& session);

struct ImageOptions {
  std::string name, source;
  std::string store = "/var/lib/cordon/images";
  std::uint64_t most_bytes = std::uint64_t{16} << 30;  // unpacked
  std::uint64_t most_entries = 1'000'000;
};
int import_image(const Session& session, const ImageOptions& options);
int list_images(const Session& session, const ImageOptions& options);
int check_image(const Session& session, const ImageOptions& options);  // 1 when it is not what was imported
int remove_image(const Session& session, const ImageOptions& options);

int list_breakers(const Session& session);
int reset_breaker(const Session& session, const std::string& actor);

}  // namespace cordon::cli
