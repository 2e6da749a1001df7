// The one way to write a JSON value down, so that its digest names it: RFC 8785 (JCS). Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "profiles/sha256.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

// Members sorted by UTF-16 code units, numbers as ECMAScript writes them, no white space. The error names the value:
// one that is no JSON (NaN, invalid UTF-8), or an integer beyond ±(2^53−1), of which a reader could make another.
tl::expected<std::string, FieldErrors> canonical_form(const Json& value);

// The same for values that parse_strict_json() gave or cordond made, which all have one; otherwise they throw
// std::invalid_argument.
std::string canonical_json(const Json& value);
Sha256 canonical_digest(const Json& value);

}  // namespace cordon
