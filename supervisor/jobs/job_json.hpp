// A job as its client reads it (api.md, "Jobs"). Pure.
#pragma once

#include <optional>

#include "supervisor/jobs/job.hpp"

namespace cordon {

JobMembers job_members(const Job& job, std::optional<std::size_t> queue_position);
MemberTexts text_of(const JobMembers& members);

// As it stands in a list: without the two outputs.
Json listed_job(const Job& job, std::optional<std::size_t> queue_position);

// Job bytes may be anything; what is not UTF-8 is replaced, never an exception.
std::string dump(const Json& value);

}  // namespace cordon
