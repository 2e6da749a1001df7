// What of a job went over the network, as cordon-egress told it: "network" of its report. Bounded: flows that have no
// row of their own share one with those to the same name and port, and what does not fit then is counted; no denial
// takes the room of a flow. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "profiles/flow_record.hpp"
#include "profiles/strict_json.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

// Rows of a report: of flows, of those that share one, and of denials.
inline constexpr std::size_t max_told_flows = 256, max_shared_rows = 64, max_told_denials = 128;

class JobFlows {
 public:
  void take(const FlowDecided& decided);
  void take(const FlowMoved& moved);
  void take(const FlowClosed& closed);
  void take(const DeniedAgain& again);
  void take(const QueryDenied& query);
  void take(const JobClosed& closed);  // the last that is said of the job
  void lose();                         // who told of them is lost: what still flows has no end that anybody knows
  void begin_cut();                    // cordon-egress is asked to let nothing more out
  void cut_is_heard();                 // and has told of all that it had let out

  // Something of it, as far as anybody has told; or may, until a cut is heard.
  bool is_flowing() const { return !live_.empty() || is_cutting_; }
  bool is_closed() const { return closed_; }  // nothing more is said of the job

  // [{"name", "port", "mode", "verdict": "allowed" | "denied", "reason", "count", "bytes_up", "bytes_down",
  //   "duration_ms", "address", "server_name", "host", "method", "path"}]
  // reason: why it was denied, or why it ended if not as both sides wished; null otherwise. Bytes of a flow that is
  // open are those that were told last; of one of which nothing was told, or whose end was lost, null. An allowed row
  // with a count is of so many flows: its bytes are of those that have ended, its reason is the last one's that had
  // one.
  Json json() const;

  Changes changes;

 private:
  struct Row {
    FlowDecided decided;
    std::optional<FlowClosed> closed;
    std::uint64_t count = 1;
    bool is_query = false;
    bool is_shared = false;
    bool is_lost = false;
    std::optional<FlowMoved> moved = {};
  };
  using DenialKey = std::tuple<std::string, std::uint16_t, FlowReason, bool>;  // the last: a question for a name

  static Json json_of(const Row& row);
  std::size_t add(Row row);  // its place
  std::optional<std::size_t> place(const FlowDecided& allowed);
  void deny(FlowDecided what, bool is_query, std::uint64_t times);

  std::vector<Row> rows_;
  std::map<std::uint64_t, std::size_t> open_;                            // rows, by flow
  std::set<std::uint64_t> live_;                                         // flows, also those without a row
  std::map<DenialKey, std::size_t> denials_;                             // rows
  std::map<std::pair<std::string, std::uint16_t>, std::size_t> shared_;  // rows, by name and port
  std::uint64_t untold_ = 0;
  bool closed_ = false;  // as far as the report waits for it
  bool over_ = false;    // as cordon-egress has it
  bool is_cutting_ = false;
};
using JobFlowsPtr = std::shared_ptr<JobFlows>;

}  // namespace cordon
