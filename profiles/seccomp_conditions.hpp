// Moby's "includes" and "excludes" of a rule, judged for a job: x86_64, no capabilities, the oldest kernel. Pure.
#pragma once

#include <string>

#include "profiles/json_reader.hpp"

namespace cordon {

// Empty: the rule applies. Reads the two keys of `rule` either way.
std::string why_left_out(ObjectReader& rule, FieldErrors& errors);

}  // namespace cordon
