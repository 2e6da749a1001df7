// What a tool is started with, made of its input: an argv whose shape its definition fixes. Never a shell string: a
// value is one argument, or a part of one, or each of a list is one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

enum class ValueType : std::uint8_t { string, integer, number, boolean, json };

// A value of the input, found by its JSON pointer (RFC 6901).
struct InputValue {
  std::string pointer;
  ValueType type = ValueType::string;
  bool each = false;                 // a list: one argument for each of its items
  bool optional = false;             // not there: no argument, with all its parts
  bool may_begin_with_dash = false;  // otherwise a text that a program would take for an option is refused
};
using ArgumentPart = std::variant<std::string, InputValue>;
using Argument = std::vector<ArgumentPart>;  // joined

// "argv": ["prog", {"input": "/path", "type": "string"}, ["--max=", {"input": "/max", "type": "integer"}],
//          {"each": "/names"}], with "optional" and "may_begin_with_dash". The first is a plain text.
std::vector<Argument> read_arguments(const Json& value, std::string_view pointer, FieldErrors& errors);

// Errors' pointers are into the input.
tl::expected<std::vector<std::string>, FieldErrors> substitute(const std::vector<Argument>& arguments,
                                                               const Json& input);

// nullptr: not there.
const Json* value_at(const Json& document, const std::string& pointer);

}  // namespace cordon
