// Names of jobs: UUIDv7 (RFC 9562), so that sorting them is sorting by time of submission.
#pragma once

#include <string>
#include <string_view>

#include "supervisor/text/timestamp.hpp"

namespace cordon {

// Never goes back, not even when the clock does.
class JobIds {
 public:
  std::string next(WallTime now);

 private:
  std::uint64_t last_ms_ = 0;
  std::uint32_t sequence_ = 0;  // within one millisecond: rand_a of the RFC
};

bool is_job_id(std::string_view text);

}  // namespace cordon
