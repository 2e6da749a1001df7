// What operators say in the body of a call. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "profiles/json_reader.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

// It is shown in terminals, and stands in a line of root's file: one line of 1 to 1000 bytes.
bool is_reason(const std::string& text);

// The member "reason", which must be such a one; what is wrong is among the reader's errors.
std::string require_reason(ObjectReader& in);

// {"reason": "…"}: one line of 1 to 1000 bytes, and nothing else.
tl::expected<std::string, Rejection> read_reason(const std::string& body);

}  // namespace cordon
