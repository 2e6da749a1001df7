// Reads one JSON object key by key into typed values. Whatever is wrong becomes a FieldError with its pointer; a key
// that nobody asked for is one of them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

struct IntegerRange {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

std::optional<std::uint64_t> read_integer(const Json& value, std::string_view pointer, IntegerRange range,
                                          FieldErrors& errors);
std::optional<std::string> read_string(const Json& value, std::string_view pointer, FieldErrors& errors);
std::vector<std::string> read_strings(const Json& value, std::string_view pointer, FieldErrors& errors);

class ObjectReader {
 public:
  // A value that is no object is an error, and has no members.
  ObjectReader(const Json& value, std::string_view pointer, FieldErrors& errors);

  const Json* find(std::string_view key);     // nullptr: not there
  const Json* require(std::string_view key);  // nullptr: not there, which is now an error

  // For keys that may be absent: the value stays as it is.
  void optional(std::string_view key, std::string& into);
  void optional(std::string_view key, std::vector<std::string>& into);
  void optional(std::string_view key, IntegerRange range, std::uint64_t& into);
  void optional(std::string_view key, IntegerRange range, std::uint32_t& into);

  std::string require_string(std::string_view key);  // not empty
  std::vector<std::string> require_strings(std::string_view key);
  std::uint64_t require_integer(std::string_view key, IntegerRange range);

  std::string pointer(std::string_view key) const { return pointer_to(pointer_, key); }
  void error(std::string_view key, std::string detail);
  void refuse_unknown_keys();

 private:
  const Json& value_;
  std::string pointer_;
  FieldErrors& errors_;
  std::vector<std::string_view> known_;
};

}  // namespace cordon
