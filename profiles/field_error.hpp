// One thing wrong with an input: where (RFC 6901 JSON pointer) and what.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

using FieldErrors = std::vector<FieldError>;

// The pointer of a member or an element of what `parent` points at.
std::string pointer_to(std::string_view parent, std::string_view key);
std::string pointer_to(std::string_view parent, std::size_t index);

}  // namespace cordon
