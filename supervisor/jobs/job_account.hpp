// What admission is told of a job: on whose account it is, what it may take, and what became of it. Pure.
#pragma once

#include <string_view>

#include "sandbox/report.hpp"
#include "supervisor/admission/circuit_breaker.hpp"
#include "supervisor/admission/claim.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job_order.hpp"
#include "supervisor/jobs/outcome.hpp"

namespace cordon {

class Job;

Claim claim_of(const Account& account, const JobOrder& order);
// Tells one submitted body from another; never 0. Not of use against an adversary: who varies it only escapes notice.
std::uint64_t fingerprint(std::string_view body);

Spend spent_by(const Job& job);
Verdict verdict_of(const Outcome& outcome);

}  // namespace cordon
