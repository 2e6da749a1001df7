// Which schemas are taken: only keywords that are enforced, and only what no input can make slow. Pure.
#pragma once

#include <string_view>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

// The draft-7 keywords of which each is known to be enforced (or to say nothing); no "$ref", no "format", no "default".
// "uniqueItems" stands beside "maxItems". "pattern" begins with ^, has neither groups nor alternatives, stands beside
// a "maxLength" so small that trying all ways to match is bounded, and not under anyOf, oneOf, not, if.
void refuse_unenforced(const Json& schema, std::string_view pointer, FieldErrors& errors);

Json without_patterns(const Json& schema);
bool has_patterns(const Json& schema);

}  // namespace cordon
