// Decides under what a job acts, and looks again right before it starts: policy, grant, approval and the order itself
// must still be what they were. Decides only; what is held is in holds.hpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "supervisor/authority/contexts.hpp"
#include "supervisor/authority/grant_book.hpp"
#include "supervisor/authority/mandate.hpp"
#include "supervisor/authority/ruling.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/journal/journal.hpp"

namespace cordon {

// What is asked for, by whom. `body`: the request as it will be kept, without any secret.
struct Petition {
  const Caller& caller;
  const JobOrder& order;
  std::string grant;  // its secret; empty: none
  std::string_view body;
};

class Authority {
 public:
  using CurrentConfig = std::function<const Config&()>;
  Authority(Journal& journal, CurrentConfig config) : journal_(journal), config_(std::move(config)) {}

  // Once, before anything is decided: what the journal knows of grants and contexts.
  awaitable<void> begin();

  // A mandate to run, or to wait until people have approved it; or why it is refused.
  tl::expected<Mandate, Rejection> rule(const Petition& petition) const;

  // The same for one that waited before a restart. Nothing may have changed for what was approved or held; for the
  // others policy decides anew.
  tl::expected<Mandate, Denied> resume(const Account& account, const JobOrder& order,
                                       const std::optional<std::string>& kept, std::string_view body) const;

  // One use of the job's grant, as the journal is to have it with the job.
  using Uses = GrantBook::Counts;
  Uses take_use(const Job& job) { return job.mandate.grant.empty() ? Uses{} : grants_.take(job.mandate.grant); }
  void give_back_use(const Job& job) { grants_.give_back(job.mandate.grant); }

  // Before its input is handed to a sandbox: is it, to the last byte, what its approval is for?
  std::optional<Denied> objection_to_start(const Job& job) const;
  // At each try to start it, and cheap: what is decided meanwhile.
  std::optional<Denied> withdrawn(const Job& job) const;
  // When the grant that it acts under ends, and its network with it; nullopt: there is none.
  std::optional<WallTime> end_of(const Job& job) const;
  // Whoever asked may read what it writes from here on. The line that the journal is to have of that, if it is news.
  std::optional<ContextRow> begin_reading(const Job& job);

  // A grant, and its secret, which nobody can be told again. Comes back when the journal has it.
  struct Minted {
    Grant grant;
    std::string secret;
  };
  awaitable<tl::expected<Minted, Rejection>> mint(Caller caller, GrantRequest request);
  // It and all that were made from it. The names; from its return on none of them admits or starts anything.
  std::vector<std::string> revoke(const std::string& name, const std::string& by);
  awaitable<bool> write_revoked(std::vector<std::string> names);  // false: a restart would not know of it

  const GrantBook& grants() const { return grants_; }
  const Contexts& contexts() const { return contexts_; }
  // An operator says that nothing of what this actor has read so far is in its mind any more.
  awaitable<bool> clear_context(std::string actor, std::string task);

  Approver approver(const Caller& caller) const;
  std::int64_t age_s() const { return journal_.age_s(); }

 private:
  Proposal proposal(const Account& account, const JobOrder& order, const Mandate& mandate) const;
  Ruling ruling(const JobOrder& order, const Proposal& proposal) const;
  tl::expected<std::string, Rejection> usable_grant(const Petition& petition, const Proposal& proposal) const;
  Approval approval_for(const Petition& petition, const Mandate& mandate, std::vector<ApprovalNeed> needs) const;
  std::string task_of(const std::string& grant) const;
  GrantRow row_of(const std::string& name) const;

  Journal& journal_;
  CurrentConfig config_;
  GrantBook grants_;
  Contexts contexts_;
};

// The body without its grant's secret: what the journal may keep.
std::string without_secret(std::string body, const std::string& grant);

}  // namespace cordon
