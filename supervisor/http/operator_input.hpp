// What operators say in the body of a call. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "supervisor/http/problem.hpp"

namespace cordon {

// It is shown in terminals, and stands in a line of root's file: one line of 1 to 1000 bytes.
bool is_reason(const std::string& text);

// {"reason": "…"}: one line of 1 to 1000 bytes, and nothing else.
tl::expected<std::string, Rejection> read_reason(const std::string& body);

}  // namespace cordon
