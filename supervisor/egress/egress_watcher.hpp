// cordond's side of cordon-egress: hears of every decision and every end of a flow, has the decision written down, and
// only then lets the flow be dialled. Reconnects for as long as there are profiles with grants; without them there is
// nothing to hear, and nobody is asked.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "supervisor/egress/job_flows.hpp"
#include "supervisor/events/operations.hpp"
#include "supervisor/jobs/launcher_socket.hpp"

namespace cordon {

// Has a decision written down and answers whether it was, at once or later. The one place where evidence is asked for.
using Written = std::function<void(bool)>;
using WriteEvidence = std::function<void(const FlowDecided&, Written)>;

class EgressWatcher {
 public:
  EgressWatcher(asio::any_io_executor executor, std::string socket_path, Operations& operations);

  void write_evidence_by(WriteEvidence write) { write_evidence_ = std::move(write); }
  void watch(bool has_grants);  // from now on, if any profile has grants

  // What goes over the network from now on in the name of this job; a flow of a job that nobody follows is not dialled.
  JobFlowsPtr follow(const std::string& job);
  void forget(const std::string& job) { followed_.erase(job); }

  bool is_there() const { return socket_.has_value(); }
  const std::string& socket_path() const { return socket_path_; }

 private:
  awaitable<void> keep_watching();
  awaitable<void> hear();
  void take(const FlowRecord& record);
  void decided(const FlowDecided& decided);
  void acknowledge(std::uint64_t connection, std::uint64_t sequence, bool written);
  JobFlows* flows_of(const std::string& job);
  void lose_all();

  asio::any_io_executor executor_;
  std::string socket_path_;
  Operations& operations_;
  WriteEvidence write_evidence_;
  std::map<std::string, JobFlowsPtr> followed_;
  std::optional<LauncherSocket> socket_;
  std::uint64_t connection_ = 0;  // which of them is open: an answer that comes later is for nobody
  bool watching_ = false;
};

}  // namespace cordon
