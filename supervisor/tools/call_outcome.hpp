// What became of a call beyond how its process ended: whether its output is what it promises, what it did that its
// class does not allow, whether it may have happened. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/jobs/job.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {

// The outcome of a job that is a call, with its result. Any other is as it was.
Outcome judge_call(Job& job, Outcome outcome);

// Of a lost call that must not happen twice.
std::optional<AmbiguousRow> ambiguous_row(const Job& job);

// What its sandbox had at its end beyond its input, and what it was refused, that the class does not allow.
std::vector<std::string> unexpected_effects(const Job& job);

// "call" of a job's report.
Json call_json(const Job& job);

// The same, of a job that a former cordond left unfinished, as its report tells: nullopt: no call, or one that may be
// made again.
std::optional<AmbiguousRow> ambiguous_row(const std::string& report, const std::string& id, const std::string& actor);

// A report's call, to be made again after a restart.
struct ReportedCall {
  std::string tool, compensates;
  bool health = false;
  Sha256 digest{};
};
std::optional<ReportedCall> reported_call(const std::string& report);

}  // namespace cordon
