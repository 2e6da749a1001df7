// A job as its client reads it (api.md, "Jobs"). Pure.
#pragma once

#include <optional>

#include "supervisor/jobs/job.hpp"

namespace cordon {

enum class Rendering { full, listed };  // listed: without the two outputs' bytes

Json to_json(const Job& job, std::optional<std::size_t> queue_position, Rendering rendering = Rendering::full);

// Job bytes may be anything; what is not UTF-8 is replaced, never an exception.
std::string dump(const Json& value);

}  // namespace cordon
