// cordond's side of cordon-egress: hands it a connection to cordon-ledger, which has each flow that is let out on the
// record before it is dialled; hears of every decision and every end of a flow, and records what was denied and what
// flows came to. Reconnects for as long as there are profiles with grants; without them there is nothing to hear.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "supervisor/egress/job_flows.hpp"
#include "supervisor/events/operations.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/jobs/launcher_socket.hpp"

namespace cordon {

class EgressWatcher {
 public:
  EgressWatcher(asio::any_io_executor executor, std::string socket_path, Operations& operations, Evidence& evidence);

  void watch(bool has_grants);  // from now on, if any profile has grants

  // What goes over the network from now on in the name of this job.
  JobFlowsPtr follow(const std::string& job, JobOwner whose);
  // Lets nothing of it out any more and has its live flows cut, for good; told again to a cordon-egress that was away.
  // nullptr: there is nothing of it to cut. Its flows say when that has happened.
  JobFlowsPtr revoke(const std::string& job) { return cut(job, FlowReason::grant_revoked); }
  // The same of one that is about to be killed: its flows end as its others do.
  void end(const std::string& job) { cut(job, FlowReason::job_ended); }
  void tell_cuts();  // now, and not only when this handler is through
  // Comes back when no flow is left of all that was to be cut, or when none was cut for so long.
  awaitable<void> until_cut(Clock::duration patience);
  void forget(const std::string& job);
  // The same once cordon-egress has said its last of it: until then that still goes into the evidence.
  void forget_when_told(const std::string& job);

  bool is_watching() const { return watching_; }
  bool is_there() const { return socket_.has_value(); }
  // What it says of itself, asked now; nullopt: it is not there, or did not answer by then.
  awaitable<std::optional<EgressFigures>> ask(Clock::time_point deadline);

 private:
  struct Followed {
    JobOwner whose;
    JobFlowsPtr flows;
    std::optional<FlowReason> cut;  // why, if it was
    bool is_over = false;           // nobody but the evidence waits for more of it
  };

  awaitable<void> keep_watching();
  awaitable<void> hear();
  void take(const FlowRecord& record);
  void take_decision(const FlowDecided& decided);
  void take_revoked(const std::string& job);
  void take_end(const JobClosed& over);
  awaitable<void> keep_ledger_lent(std::uint64_t connection);
  bool lend_ledger();  // false: there is none to be had now
  JobFlowsPtr cut(const std::string& job, FlowReason why);
  void say_cut(const std::string& job, FlowReason why);
  void is_cut(const std::string& job);
  void answer(std::uint64_t sequence);
  void tell(const WatcherMessage& message, const std::vector<int>& fds = {});
  const Followed* find(const std::string& job) const;
  void lose_all();
  void be_gone();

  asio::any_io_executor executor_;
  std::string socket_path_;
  Operations& operations_;
  Evidence& evidence_;
  std::map<std::string, Followed> followed_;
  std::optional<LauncherSocket> socket_;
  bool is_gone_ = false;          // nobody listens there
  std::uint64_t connection_ = 0;  // which of them is open
  bool is_ledger_lent_ = false;   // on it
  std::uint64_t asked_ = 0;       // up to which decision it waits for an answer of ours; 0: for none
  Changes ledger_lost_;
  std::uint64_t answers_ = 0;  // to ask()
  EgressFigures figures_;
  Changes heard_;
  std::map<FlowReason, std::vector<std::string>> cuts_;  // jobs of which it is not told yet
  bool tells_cuts_ = false;
  std::set<std::string> flowing_still_;  // jobs that were cut
  Changes all_cut_;
  bool watching_ = false;
};

}  // namespace cordon
