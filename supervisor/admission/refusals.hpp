// What admission says to whom it does not take: 429 for a limit of the caller's own, 503 for one of the instance. Each
// names the limit, and says when it would work. Pure.
#pragma once

#include "supervisor/admission/budgets.hpp"
#include "supervisor/admission/circuit_breaker.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

Rejection unknown_actor(const std::string& actor);
Rejection rate_limited(const LimitScope& scope, const Rate& rate, std::chrono::nanoseconds wait);
Rejection budget_exhausted(const BudgetState& budget);
Rejection circuit_open(const CircuitBreaker::Tripped& tripped);
// `limit`: max_queued, or queue_share, which is how much of the queue one may fill as things are.
Rejection too_many_queued(const LimitScope& scope, const char* limit, double value, std::chrono::nanoseconds wait);
// `limit`: max_queued (jobs) or queued_bytes.
Rejection queue_full(const char* limit, double value, std::chrono::nanoseconds wait);

std::string name_of(const BudgetRule& rule);                 // "cpu_seconds per_hour"
double shown(const BudgetRule& rule, std::uint64_t amount);  // in the unit of its name

}  // namespace cordon
