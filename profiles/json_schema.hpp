// JSON Schema (draft 7) for what a tool takes and gives. Validation is valijson's; a schema is compiled only from the
// keywords that it is known to enforce, every other one is an error. Pure.
#pragma once

#include <memory>
#include <string_view>
#include <tl/expected.hpp>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

class JsonSchema {
 public:
  // Errors' pointers begin with `pointer`, where the schema stands in its document.
  static tl::expected<JsonSchema, FieldErrors> compile(const Json& schema, std::string_view pointer);

  // What of `value` is against the schema, at most 16 faults; their pointers begin with `pointer`. Empty: nothing.
  FieldErrors check(const Json& value, std::string_view pointer = "") const;
  const Json& text() const;  // as it was written

 private:
  struct Compiled;
  explicit JsonSchema(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace cordon
