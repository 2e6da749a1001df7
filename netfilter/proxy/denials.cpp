#include "netfilter/proxy/denials.hpp"

namespace cordon::egress {

bool Denials::count(Kind kind) {
  if (const auto known = untold_.find(kind); known != untold_.end()) return ++known->second, false;
  if (untold_.size() < most_kinds && evidence_.has_room_for_denial()) return untold_.emplace(std::move(kind), 0), true;
  auto& [is_query, name, number, reason] = kind;
  name.clear();
  number = 0;
  ++untold_[std::move(kind)];  // one for each reason
  return false;
}

void Denials::flow(FlowDecided denied) {
  if (count({false, denied.name, denied.port, denied.reason})) evidence_.tell(std::move(denied));
}

void Denials::query(const std::string& name, std::uint16_t type, FlowReason reason) {
  Kind kind{true, name, type, reason};
  if (count(kind)) evidence_.tell(record(kind, 1));
}

FlowRecord Denials::record(const Kind& kind, std::uint64_t times) const {
  const auto& [is_query, name, number, reason] = kind;
  if (is_query) return QueryDenied{job_, name, number, reason, times};
  return DeniedAgain{job_, name, number, reason, times};
}

bool Denials::flush() {
  for (auto& [kind, times] : untold_) {
    if (times == 0) continue;
    if (!evidence_.has_room_for_denial()) return true;
    evidence_.tell(record(kind, std::exchange(times, 0)));
  }
  return false;
}

}  // namespace cordon::egress
