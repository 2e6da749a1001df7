// One thing wrong with an input: where (RFC 6901 JSON pointer) and what.
#pragma once

#include <string>
#include <vector>

namespace cordon {

struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

using FieldErrors = std::vector<FieldError>;

}  // namespace cordon
