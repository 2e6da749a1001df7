// The steps of every job's life, in their order: received, admitted, started, ended. Each is journaled before its
// effect; whatever happens to a job, happens here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/config.hpp"
#include "supervisor/admission/admission.hpp"
#include "supervisor/authority/authority.hpp"
#include "supervisor/authority/holds.hpp"
#include "supervisor/events/operations.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/host_room.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/job_run.hpp"
#include "supervisor/jobs/job_store.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/jobs/retention.hpp"
#include "supervisor/jobs/survivors.hpp"
#include "supervisor/journal/journal.hpp"
#include "supervisor/kill/kill_latch.hpp"
#include "supervisor/tools/tool_gate.hpp"

namespace cordon {

// How a job came, beside what it is.
struct Submission {
  std::optional<std::string> key;  // its Idempotency-Key
  Sha256 request{};                // of the body, with a key
  std::string body;                // kept while it waits in the queue
  bool waited_for = false;         // the client stays for the answer
};

class JobLife {
 public:
  using CurrentConfig = std::function<const Config&()>;

  JobLife(asio::any_io_executor executor, Sandboxes sandboxes, HostWatch& host, ArtifactStore& artifacts,
          JobStore& store, Journal& journal, Retention& retention, KillLatch& kill_latch, Operations& operations,
          Evidence& evidence, ToolGate& tools, Authority& authority, CurrentConfig config);

  // Takes a place for a job that is about to be submitted, or says why there is none.
  tl::expected<void, Rejection> reserve(const std::string& id, Claim claim, const Membership& membership);
  // Comes back when the journal has it; a refusal when it cannot have it, and then there is no such job. What the
  // client asked for twice at the same moment waits for the first to be accepted.
  awaitable<tl::expected<void, Rejection>> submit(JobPtr job, Submission submission);
  static awaitable<bool> accepted(JobPtr job);
  // A job of a former cordond that was queued or held, which the journal has already.
  void resubmit(const JobPtr& job);
  void refuse_resubmitted(const JobPtr& job, Outcome outcome);
  // What was used of budgets, as a former cordond knew it.
  void restore(const std::vector<SavedBudget>& budgets);
  // Ends every job of that scope which has not finished, flows first, and says which they are: they are not gone yet.
  awaitable<std::vector<JobPtr>> kill(Engagement engagement);
  void heed_kill_switch();  // of jobs that came back with a restart

  void reconfigure();     // the configuration is another one
  void start_what_may();  // another launcher is there
  // The jobs of that scope which have ended, and whose sandboxes the kernel has not let go.
  std::vector<std::string> survivors(const Scope& scope) { return survivors_.in(scope); }
  const Admission& admission() const { return admission_; }
  Holds& holds() { return holds_; }
  std::size_t reset_breaker(const std::string& actor);  // how many circuits were open

 private:
  std::vector<JobPtr> unfinished_in(const Scope& scope);
  void enter(const JobPtr& job);
  void hold(const JobPtr& job);
  void release(const JobPtr& job);
  void deny(const JobPtr& job, Denied why);
  void take_in(const JobPtr& job);
  void withdraw(const JobPtr& job);
  void look_again_in_time();
  void tell_notices();
  void leave_queue(const JobPtr& job);
  void keep_survivor(const JobPtr& job);
  void release_job_scope(const std::string& id);
  void tell_journal(const JobPtr& job);
  std::vector<SavedBudget> changed_budgets();
  awaitable<void> run(JobPtr job);
  awaitable<std::optional<Outcome>> admit(JobPtr job);
  std::optional<Outcome> why_not_start(const Job& job);
  awaitable<void> end(JobPtr job, Outcome outcome);
  awaitable<Evidence::ReceiptPtr> record_decision(JobPtr job);
  awaitable<void> record_outcome(JobPtr job, std::shared_ptr<const EndedRow> row);
  awaitable<void> until_recorded(JobPtr job);
  void settle(const JobPtr& job, std::uint64_t bytes);
  Durability durability_of(const Submission& submission) const;

  asio::any_io_executor executor_;
  Sandboxes sandboxes_;
  Launcher& launcher_;
  HostWatch& host_;
  ArtifactStore& artifacts_;
  JobStore& store_;
  Journal& journal_;
  Retention& retention_;
  KillLatch& kill_latch_;
  Operations& operations_;
  Evidence& evidence_;
  ToolGate& tools_;
  Authority& authority_;
  CurrentConfig config_;
  Admission admission_;
  Survivors survivors_;
  Holds holds_;
  asio::steady_timer look_again_;
};

}  // namespace cordon
