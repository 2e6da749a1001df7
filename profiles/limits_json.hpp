// Limits to and from JSON: the one place where numbers of clients and administrators become Limits. Pure.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "profiles/field_error.hpp"
#include "profiles/limits.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

// What a job gets that asks for `asked` (pointers in errors begin with `pointer`). A limit may only lower the ceiling:
// more is an error, never clamped. Scratch is charged to memory, so it must fit beside memory_beside_scratch; when
// only memory was lowered, scratch follows it down.
tl::expected<Limits, FieldErrors> apply_limits(const Json& asked, std::string_view pointer, const Limits& ceiling,
                                               const Limits& defaults);

// A profile's own "limits": every field must be there.
tl::expected<Limits, FieldErrors> parse_all_limits(const Json& value, std::string_view pointer);

Json to_json(const Limits& limits);

}  // namespace cordon
