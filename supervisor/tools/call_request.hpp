// The body of a call, checked for form; then with its tool's definition: from input to the job that it asks for. Pure.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "supervisor/http/problem.hpp"
#include "supervisor/jobs/job_request.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {

inline constexpr std::size_t max_input_bytes = std::size_t{64} * 1024;  // as canonical JSON; what is larger is a file

struct CallRequest {
  Json input = Json::object();
  std::string grant;
  bool dry_run = false;
  JobRequest rest;  // files, limits, labels, timings, wait: what a call may say as any job
};
tl::expected<CallRequest, Rejection> parse_call_request(std::string_view body);

// `script`: the bytes of the tool's script, if it has one. Errors' pointers are into the body: "/input/…".
tl::expected<JobRequest, Rejection> job_of_call(const CallRequest& call, const LoadedTool& tool,
                                                const std::string& script);
JobRequest job_of_health_check(const LoadedTool& tool, const std::string& script);

}  // namespace cordon
