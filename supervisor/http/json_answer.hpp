// An answer that is one JSON value.
#pragma once

#include "supervisor/http/message.hpp"
#include "supervisor/jobs/job_json.hpp"

namespace cordon {

inline Response json_response(const Json& body) {
  Response response;
  response.body = dump(body);
  return response;
}

}  // namespace cordon
