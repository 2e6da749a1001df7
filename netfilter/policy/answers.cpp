#include "netfilter/policy/answers.hpp"

#include <algorithm>

#include "profiles/denied_addresses.hpp"

namespace cordon::egress {

tl::expected<std::vector<IpAddress>, FlowReason> checked_answers(std::vector<IpAddress> answers) {
  if (answers.empty()) return tl::unexpected(FlowReason::name_not_found);
  const auto fine = [](const IpAddress& address) { return may_dial(address, false, false); };
  if (!std::all_of(answers.begin(), answers.end(), fine)) return tl::unexpected(FlowReason::address_denied);
  std::stable_partition(answers.begin(), answers.end(), [](const IpAddress& address) { return !address.is_v6(); });
  return answers;
}

}  // namespace cordon::egress
