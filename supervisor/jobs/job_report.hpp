// A job as the journal keeps it: the JSON that its client was, or would be, answered, and how its events lay. Pure.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "supervisor/jobs/job.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {

std::string report_text(const Job& job);  // what is known of it by now
// One that has its outcome, told as finished: it is by the time this can be read.
MemberTexts ended_texts(const Job& job);
std::string events_text(const EventLog& log);

// A concluded job. `age_s`: of the journal.
EndedRow ended_row(const Job& job, std::int64_t age_s);

// The report of one that was unfinished when a former cordond ended.
std::string lost_report(const std::string& report, const Lost& lost, WallTime now);

// An ended job, as it is told once an operator has found out about its call; and that from now on.
MemberTexts settled_texts(const Job& job, const Json& settlement);
std::string report_text(const MemberTexts& texts);
void tell_settled(Job& job, MemberTexts texts);

// The kept file of this content.
using OpenKept = std::function<std::shared_ptr<const StoredFile>(const Sha256&, std::uint64_t size)>;
// An ended job, to be read and no more. Throws Json::exception when the journal's text is not what was written.
JobPtr restored_job(const StoredJob& stored, const OpenKept& open);

}  // namespace cordon
