// One job from its submission to its report. A value with the few steps that change it; each step tells the watchers.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/report.hpp"
#include "supervisor/admission/admission.hpp"
#include "supervisor/authority/mandate.hpp"
#include "supervisor/egress/job_flows.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/artifact_store.hpp"
#include "supervisor/jobs/event_log.hpp"
#include "supervisor/jobs/job_order.hpp"
#include "supervisor/jobs/outcome.hpp"
#include "supervisor/jobs/output_buffer.hpp"
#include "supervisor/jobs/scratch_changes.hpp"
#include "supervisor/journal/durability.hpp"
#include "supervisor/kill/scope.hpp"
#include "supervisor/text/timestamp.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

enum class JobState { queued, awaiting_approval, running, finished };
std::string_view to_string(JobState state);

struct Artifact {
  std::string path;  // octets
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::shared_ptr<const StoredFile> file;
};

struct Collection {
  std::vector<Artifact> artifacts;
  std::vector<artifacts::Skipped> skipped;
  std::optional<ScratchChanges> scratch = std::nullopt;  // of a call
};

// What a client reads of a job, in three parts: the two outputs stand between them and may be large.
struct JobMembers {
  Json before;  // of "stdout"
  Json between;
  Json after;  // "stderr"
};

// Their text: JSON objects.
struct MemberTexts {
  std::string before, between, after;
};

// What the kernel says of the sandbox, read back by the launcher: what the profile decides, then what the job does.
struct Enforced {
  Facts facts;
  Sha256 filter{};  // of the loaded BPF
};

// What cordond itself took, beside the launcher's phases; nullopt: it did not come to that.
struct OwnPhases {
  using Time = std::optional<Clock::duration>;
  Time admission;  // from its submission to the decision to start it, written down; without the queue
  Time queue;
  Time order;  // until a sandbox had its order
  Time drain;  // from the launcher's report until all output was read
};

// Whether the journal has it. Until then it is nobody's; one that it would not take never was.
enum class Acceptance { pending, accepted, refused };

class Job {
 public:
  Job(std::string id, Account account, JobOrder order, WallTime now, Mandate mandate = {});

  // The steps, in this order. Every one of them rings `changes`, but for conclude().
  void accept(bool taken);
  void become_held();    // until people have approved it
  void become_queued();  // they have
  void become_running();
  void become_started(Enforced facts, WallTime now);
  void write(Stream stream, std::string_view bytes);
  void close(Stream stream);
  void conclude(Outcome outcome, WallTime now);  // how it ended is known, and not yet told
  void finish();                                 // told to everybody

  // Ends it as soon as the sandbox is gone; nothing happens when it has finished or is being ended already.
  void cancel(std::string by = {});  // an actor; empty: its client has gone
  void kill(Killed why);

  const std::string id;
  const Account account;  // whose it is
  JobOrder order;         // what the client wrote is dropped once the sandbox has it
  Mandate mandate;        // under what it acts
  JobState state = JobState::queued;
  std::optional<Outcome> outcome;
  std::array<OutputBuffer, 2> output;
  EventLog log;
  std::optional<Enforced> enforced;
  std::optional<Finished> report;  // without it: lost
  Fd cgroup_events;                // of its sandbox, while anything of it may live
  Collection collection;
  std::optional<WallTime> egress_end;  // when what its network rests on ends; nullopt: with its own grants
  JobFlowsPtr network;                 // nullptr: it had no grants, and so nothing left its sandbox
  std::optional<CallResult> result;    // of a call, with its outcome
  WallTime submitted_at;
  std::optional<WallTime> started_at, finished_at;
  std::optional<JobMembers> told;    // one that the journal gave back: what was said of it then
  std::optional<MemberTexts> texts;  // of one that has its outcome: as it is told once it has finished
  Acceptance acceptance = Acceptance::pending;
  Clock::time_point received, entered, decided;  // its request; into the queue; to start it
  OwnPhases own_phases;
  bool warm = false;     // its sandbox stood ready
  std::string prestart;  // with this interpreter in it; "": none
  Changes changes;

  Durability durability = Durability::power;     // of its lines in the journal
  bool admitted = false;                         // and the journal has that
  bool evidence = false;                         // what was decided of it, and what became of it, is on the record
  Evidence::ReceiptPtr recorded;                 // of its outcome; nullptr: none yet, or a former cordond's
  std::function<void()> on_started, on_killing;  // the journal wants to know

  HangUpReason hang_up_reason;
  std::string cancelled_by;       // an actor, if one did
  std::function<void()> hang_up;  // how to end the sandbox, while there is one; how to leave the queue before

  std::uint64_t output_memory() const;
  std::uint64_t artifact_bytes() const;
  Membership membership() const;
  bool is_on_record() const;   // it has finished, and the ledger has answered for its outcome
  Provenance written() const;  // of what it writes: of what went into it, and of the tool that it is

 private:
  void hang_up_because(HangUpReason reason);
};
using JobPtr = std::shared_ptr<Job>;

// What a job of this account and order belongs to; `id` is empty before there is one.
Membership membership_of(const Account& account, const JobOrder& order, const std::string& id = {});

}  // namespace cordon
