#include "profiles/json_reader.hpp"

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

constexpr std::size_t enough_errors = 16;  // a client may send a million unknown keys

void add_error(FieldErrors& errors, std::string pointer, std::string detail) {
  if (errors.size() < enough_errors) errors.push_back({std::move(pointer), std::move(detail)});
}

}  // namespace

std::string pointer_to(std::string_view parent, std::string_view key) {
  std::string out(parent);
  out += '/';
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string pointer_to(std::string_view parent, std::size_t index) {
  return std::string(parent) + '/' + std::to_string(index);
}

std::optional<std::uint64_t> read_integer(const Json& value, std::string_view pointer, IntegerRange range,
                                          FieldErrors& errors) {
  if (!value.is_number_integer()) {
    add_error(errors, std::string(pointer), "must be an integer");
    return std::nullopt;
  }
  const bool negative = !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  const auto number = negative ? 0 : value.get<std::uint64_t>();
  if (negative || number < range.min) {
    add_error(errors, std::string(pointer), "must be at least " + std::to_string(range.min));
    return std::nullopt;
  }
  if (number > range.max) {
    add_error(errors, std::string(pointer), "must be at most " + std::to_string(range.max));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> read_string(const Json& value, std::string_view pointer, FieldErrors& errors) {
  if (value.is_string()) return value.get<std::string>();
  add_error(errors, std::string(pointer), "must be a string");
  return std::nullopt;
}

std::vector<std::string> read_strings(const Json& value, std::string_view pointer, FieldErrors& errors) {
  if (!value.is_array()) {
    add_error(errors, std::string(pointer), "must be an array of strings");
    return {};
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (auto item = read_string(value[i], pointer_to(pointer, i), errors)) out.push_back(std::move(*item));
  }
  return out;
}

ObjectReader::ObjectReader(const Json& value, std::string_view pointer, FieldErrors& errors)
    : value_(value), pointer_(pointer), errors_(errors) {
  if (!value_.is_object()) add_error(errors_, pointer_, "must be an object");
}

const Json* ObjectReader::find(std::string_view key) {
  known_.push_back(key);
  if (!value_.is_object()) return nullptr;
  const auto at = value_.find(key);
  return at == value_.end() ? nullptr : &*at;
}

const Json* ObjectReader::require(std::string_view key) {
  const Json* at = find(key);
  if (at == nullptr && value_.is_object()) error(key, "is missing");
  return at;
}

void ObjectReader::optional(std::string_view key, std::string& into) {
  if (const Json* at = find(key)) into = read_string(*at, pointer(key), errors_).value_or(into);
}

void ObjectReader::optional(std::string_view key, std::vector<std::string>& into) {
  if (const Json* at = find(key)) into = read_strings(*at, pointer(key), errors_);
}

void ObjectReader::optional(std::string_view key, IntegerRange range, std::uint64_t& into) {
  if (const Json* at = find(key)) into = read_integer(*at, pointer(key), range, errors_).value_or(into);
}

void ObjectReader::optional(std::string_view key, IntegerRange range, std::uint32_t& into) {
  std::uint64_t wide = into;
  optional(key, range, wide);
  into = static_cast<std::uint32_t>(wide);
}

std::string ObjectReader::require_string(std::string_view key) {
  const Json* at = require(key);
  if (at == nullptr) return {};
  auto text = read_string(*at, pointer(key), errors_);
  if (text && text->empty()) error(key, "must not be empty");
  return std::move(text).value_or("");
}

std::vector<std::string> ObjectReader::require_strings(std::string_view key) {
  const Json* at = require(key);
  return at == nullptr ? std::vector<std::string>{} : read_strings(*at, pointer(key), errors_);
}

std::uint64_t ObjectReader::require_integer(std::string_view key, IntegerRange range) {
  const Json* at = require(key);
  return at == nullptr ? range.min : read_integer(*at, pointer(key), range, errors_).value_or(range.min);
}

void ObjectReader::error(std::string_view key, std::string detail) {
  add_error(errors_, pointer(key), std::move(detail));
}

void ObjectReader::refuse_unknown_keys() {
  if (!value_.is_object()) return;
  for (const auto& [key, value] : value_.items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) error(key, "is not a known key");
  }
}

}  // namespace cordon
