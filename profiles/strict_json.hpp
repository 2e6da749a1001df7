// JSON as Cordon accepts it: no duplicate keys, depth at most 32, valid UTF-8, no NUL in strings, one value and nothing
// behind it, integers within ±(2^53−1) (RFC 7493 I-JSON, RFC 8259).
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tl/expected.hpp>

#include "profiles/field_error.hpp"

namespace cordon {

using Json = nlohmann::ordered_json;

enum class Comments { refuse, accept };  // accept: `//` in files that people write

// On failure exactly one error, with the pointer where it stands ("" is the document) and what to do.
tl::expected<Json, FieldErrors> parse_strict_json(std::string_view text, Comments comments = Comments::refuse);

}  // namespace cordon
