#include "profiles/limits_json.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "profiles/json_reader.hpp"

namespace cordon {
namespace {

bool is_decimal(const LimitField& field) {
  return field.name == "cpus";
}

std::string shown(const LimitField& field, std::uint64_t value) {
  return is_decimal(field) ? Json(static_cast<double>(value) / 1000).dump() : std::to_string(value);
}

struct Bounds {
  std::uint64_t min, max;
  std::string_view whose;  // of the maximum
};

std::string too_small(const LimitField& field, const Bounds& bounds) {
  return "must be at least " + shown(field, bounds.min);
}

std::string too_large(const LimitField& field, const Bounds& bounds) {
  return "must be at most " + shown(field, bounds.max) + ", " + std::string(bounds.whose);
}

// "cpus": a number with at most three decimals, kept in thousandths.
std::optional<std::uint64_t> read_decimal(const Json& value, const LimitField& field, const Bounds& bounds,
                                          std::string& wrong) {
  if (!value.is_number()) return wrong = "must be a number", std::nullopt;
  const double thousandths = value.get<double>() * 1000;
  // In this order, since not every double fits into an integer.
  if (thousandths > static_cast<double>(bounds.max)) return wrong = too_large(field, bounds), std::nullopt;
  if (thousandths < static_cast<double>(bounds.min)) return wrong = too_small(field, bounds), std::nullopt;
  const double rounded = std::round(thousandths);
  if (std::abs(thousandths - rounded) > 1e-6) return wrong = "must have at most 3 decimals", std::nullopt;
  return static_cast<std::uint64_t>(rounded);
}

std::optional<std::uint64_t> read_whole(const Json& value, const LimitField& field, const Bounds& bounds,
                                        std::string& wrong) {
  if (!value.is_number_integer()) return wrong = "must be an integer", std::nullopt;
  if (!value.is_number_unsigned() && value.get<std::int64_t>() < 0)
    return wrong = too_small(field, bounds), std::nullopt;
  const auto number = value.get<std::uint64_t>();
  if (number < bounds.min) return wrong = too_small(field, bounds), std::nullopt;
  if (number > bounds.max) return wrong = too_large(field, bounds), std::nullopt;
  return number;
}

void read_limit(ObjectReader& object, const Json& value, const LimitField& field, const Bounds& bounds, Limits& into) {
  std::string wrong;
  const auto read = is_decimal(field) ? read_decimal : read_whole;
  if (const auto number = read(value, field, bounds, wrong)) {
    into.*field.member = *number;
  } else {
    object.error(field.name, std::move(wrong));
  }
}

// What is left for scratch in whole pages, and never less than one.
std::uint64_t most_scratch(std::uint64_t memory_bytes) {
  const auto room = memory_bytes > memory_beside_scratch ? memory_bytes - memory_beside_scratch : 0;
  return std::max(room / page_bytes * page_bytes, page_bytes);
}

constexpr const char* must_fit = "scratch_bytes + 16 MiB must fit in memory_bytes, since scratch is charged to memory";

}  // namespace

tl::expected<Limits, FieldErrors> apply_limits(const Json& asked, std::string_view pointer, const Limits& ceiling,
                                               const Limits& defaults) {
  FieldErrors errors;
  Limits limits = defaults;
  ObjectReader object(asked, pointer, errors);
  for (const auto& field : limit_fields) {
    if (const Json* value = object.find(field.name)) {
      read_limit(object, *value, field, {field.min, ceiling.*field.member, "the ceiling of this profile"}, limits);
    }
  }
  object.refuse_unknown_keys();
  if (errors.empty() && !scratch_fits(limits)) {
    if (object.find("scratch_bytes") != nullptr) object.error("scratch_bytes", must_fit);
    limits.scratch_bytes = most_scratch(limits.memory_bytes);
  }
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return limits;
}

tl::expected<Limits, FieldErrors> parse_all_limits(const Json& value, std::string_view pointer) {
  FieldErrors errors;
  Limits limits;
  ObjectReader object(value, pointer, errors);
  for (const auto& field : limit_fields) {
    if (const Json* one = object.require(field.name)) {
      read_limit(object, *one, field, {field.min, field.max, "the most that any profile may offer"}, limits);
    }
  }
  object.refuse_unknown_keys();
  if (errors.empty() && !scratch_fits(limits)) {
    object.error("scratch_bytes", must_fit);
  }
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return limits;
}

Json to_json(const Limits& limits) {
  Json out = Json::object();
  for (const auto& field : limit_fields) {
    const auto value = limits.*field.member;
    out[std::string(field.name)] = is_decimal(field) ? Json(static_cast<double>(value) / 1000) : Json(value);
  }
  return out;
}

}  // namespace cordon
