// What the handlers of jobs share: who may see which job, waiting for one, answering with one.
#pragma once

#include <memory>
#include <string>

#include "supervisor/http/api.hpp"
#include "supervisor/jobs/ordering.hpp"

namespace cordon {

Rejection forgotten_job();

// 404 for what is not there and for what is another agent's alike; 410 for what was forgotten.
awaitable<tl::expected<JobPtr, Rejection>> find_job(Api* api, RequestPtr request, std::string id);

// Until the job has finished, the client has gone, or the time has come.
awaitable<void> until_finished(JobPtr job, std::shared_ptr<Client> client, Clock::time_point deadline);

// Until nothing of it flows any more, as cordon-egress tells; likewise.
awaitable<void> until_cut(JobFlowsPtr flows, std::shared_ptr<Client> client, Clock::time_point deadline);

Response job_response(const Api& api, const JobPtr& job);

}  // namespace cordon
