// One held job for people who must decide about it. What the job's client wrote is made safe for a terminal. Pure.
#pragma once

#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

std::string approval_text(const Json& approval);

}  // namespace cordon::cli
