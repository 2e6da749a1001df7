// The jobs that wait until people have approved them: who votes, what that is worth, and when it is too late. A vote
// counts once the journal has it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "supervisor/events/operations.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/journal/journal.hpp"

namespace cordon {

class Holds {
 public:
  struct Ways {
    std::function<void(const JobPtr&)> release;       // into the queue
    std::function<void(const JobPtr&, Denied)> deny;  // it ends
  };
  Holds(const asio::any_io_executor& executor, Journal& journal, Operations& operations, Ways ways)
      : journal_(journal), operations_(operations), ways_(std::move(ways)), look_again_(executor) {}

  // The journal has it. Operators are told, and from here on its time runs out.
  void add(const JobPtr& job);
  std::vector<JobPtr> waiting() const;  // oldest first

  // Comes back when the vote is written; with the last one that is needed the job goes on.
  awaitable<tl::expected<void, Rejection>> approve(JobPtr job, Approver by, Sha256 shown);
  // Whoever is on operator.sock may, also who submitted it.
  tl::expected<void, Rejection> deny(const JobPtr& job, const Approver& by, const std::string& reason);

 private:
  void look();
  void end(const JobPtr& job, Denied why);

  Journal& journal_;
  Operations& operations_;
  Ways ways_;
  asio::steady_timer look_again_;
  std::map<std::string, std::weak_ptr<Job>> held_;
  std::set<std::string> being_written_;
};

}  // namespace cordon
