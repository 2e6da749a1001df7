// JSON as Cordon accepts it: no duplicate keys, depth at most 32, at most 65,536 values, valid UTF-8, no NUL, no byte
// order mark, one value and nothing behind it, integers within ±(2^53−1) (RFC 7493 I-JSON, RFC 8259).
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tl/expected.hpp>

#include "profiles/field_error.hpp"

namespace cordon {

using Json = nlohmann::ordered_json;

enum class Comments { refuse, accept };  // accept: `//` and `/* */`, in files that people write

// full_64_bit is for seccomp files only: their argument values are 64-bit masks.
enum class Integers { interoperable, full_64_bit };

inline constexpr std::size_t max_json_depth = 32;
inline constexpr std::size_t max_json_values = 65536;

// On failure exactly one error, with the pointer where it stands ("" is the document) and what to do.
tl::expected<Json, FieldErrors> parse_strict_json(std::string_view text, Comments comments = Comments::refuse,
                                                  Integers integers = Integers::interoperable);

}  // namespace cordon
