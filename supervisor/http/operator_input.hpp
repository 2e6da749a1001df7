// What operators say in the body of a call. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "supervisor/http/problem.hpp"

namespace cordon {

// {"reason": "…"}: one line of 1 to 1000 bytes, and nothing else.
tl::expected<std::string, Rejection> read_reason(const std::string& body);

}  // namespace cordon
