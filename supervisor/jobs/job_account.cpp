#include "supervisor/jobs/job_account.hpp"

#include <algorithm>
#include <functional>

#include "supervisor/jobs/job.hpp"

namespace cordon {

Claim claim_of(const Account& account, const JobOrder& order) {
  const Spend at_most{order.limits.cpu_ms * 1000, 2 * order.limits.output_bytes,
                      order.collect.empty() ? 0 : order.collect_bounds.bytes};
  return {account.actor, account.tenant, tool_name(order), order.profile, order.memory(), at_most};
}

std::uint64_t fingerprint(std::string_view body) {
  return std::max<std::uint64_t>(std::hash<std::string_view>{}(body), 1);
}

Spend spent_by(const Job& job) {
  return {job.report ? job.report->usage.cpu_us : 0, job.output[0].kept().size() + job.output[1].kept().size(),
          job.artifact_bytes()};
}

Verdict verdict_of(const Outcome& outcome) {
  if (const auto* exited = std::get_if<Exited>(&outcome))
    return exited->code == 0 ? Verdict::succeeded : Verdict::failed;
  const bool crashed = std::holds_alternative<ExecFailed>(outcome) || std::holds_alternative<Signalled>(outcome) ||
                       std::holds_alternative<TimedOut>(outcome) || std::holds_alternative<OutOfMemory>(outcome) ||
                       std::holds_alternative<OutputLimit>(outcome) || std::holds_alternative<InvalidOutput>(outcome);
  return crashed ? Verdict::crashed : Verdict::neither;
}

}  // namespace cordon
