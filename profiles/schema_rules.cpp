#include "profiles/schema_rules.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <string>

#include "profiles/json_reader.hpp"

namespace cordon {
namespace {

constexpr std::array<std::string_view, 30> enforced{"$schema",
                                                    "$id",
                                                    "$comment",
                                                    "title",
                                                    "description",
                                                    "type",
                                                    "enum",
                                                    "const",
                                                    "properties",
                                                    "required",
                                                    "additionalProperties",
                                                    "minProperties",
                                                    "maxProperties",
                                                    "propertyNames",
                                                    "items",
                                                    "minItems",
                                                    "maxItems",
                                                    "uniqueItems",
                                                    "minLength",
                                                    "maxLength",
                                                    "pattern",
                                                    "minimum",
                                                    "maximum",
                                                    "exclusiveMinimum",
                                                    "exclusiveMaximum",
                                                    "multipleOf",
                                                    "allOf",
                                                    "anyOf",
                                                    "oneOf",
                                                    "not"};
constexpr std::string_view draft = "http://json-schema.org/draft-07/schema#";
constexpr std::uint64_t most_unique = 1000;  // each is compared with each
constexpr double most_ways = 50'000;         // to match one string

// Of a pattern without groups: how often what stands before is taken is all that can vary.
struct PatternShape {
  bool plain = true;  // no groups, no alternatives, no back references
  unsigned varying = 0;
};

PatternShape shape_of(std::string_view pattern) {
  PatternShape shape;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
      if (i < pattern.size() && pattern[i] >= '0' && pattern[i] <= '9') shape.plain = false;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(' || c == ')' || c == '|') {
      shape.plain = false;
    } else if (c == '*' || c == '+' || c == '?') {
      ++shape.varying;
    } else if (c == '{') {
      const auto end = std::min(pattern.find('}', i), pattern.size());
      if (pattern.substr(i, end - i).find(',') != pattern.npos) ++shape.varying;
    }
  }
  return shape;
}

double ways_to_match(double length, unsigned varying) {
  double ways = 1;
  for (unsigned i = 1; i <= varying; ++i) ways *= length / i;
  return ways;
}

bool is_pattern(std::string_view text) {
  try {
    [[maybe_unused]] const std::regex tried{std::string(text)};
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

void check_pattern(ObjectReader& object, std::string_view text, const Json* max_length) {
  const auto shape = shape_of(text);
  if (!text.starts_with('^')) return object.error("pattern", "must begin with ^");
  if (!shape.plain) return object.error("pattern", "must have no groups, alternatives or back references");
  if (text.size() > 256 || !is_pattern(text))
    return object.error("pattern", "is no regular expression (ECMA-262), or longer than 256 bytes");
  if (max_length == nullptr || !max_length->is_number_integer())
    return object.error("pattern", "must stand beside a \"maxLength\"");
  const auto length = max_length->get<double>();
  if (length < 0 || length > 1024 || ways_to_match(length, shape.varying) > most_ways)
    object.error("pattern", "can be matched in too many ways: lower \"maxLength\", or use fewer of * + ? {n,m}");
}

class Walk {
 public:
  explicit Walk(FieldErrors& errors) : errors_(errors) {}

  void schema(const Json& value, const std::string& pointer, bool patterns) {
    if (value.is_boolean()) return;
    ObjectReader object(value, pointer, errors_);
    if (!value.is_object()) return;
    for (const auto key : enforced) object.find(key);
    object.refuse_unknown_keys();
    if (const Json* text = object.find("pattern"); text != nullptr && text->is_string()) {
      if (!patterns) object.error("pattern", "cannot stand under anyOf, oneOf or not");
      check_pattern(object, text->get_ref<const std::string&>(), object.find("maxLength"));
    }
    check_forms(object);
    each_member(object, "properties", patterns);
    one(object, "additionalProperties", patterns);
    one(object, "items", patterns);
    one(object, "propertyNames", patterns);
    one(object, "not", false);
    each_item(object, "allOf", patterns);
    each_item(object, "anyOf", false);
    each_item(object, "oneOf", false);
  }

 private:
  void check_forms(ObjectReader& object) {
    const Json* unique = object.find("uniqueItems");
    const Json* most = object.find("maxItems");
    const bool few = most != nullptr && most->is_number_integer() && *most >= 0 && *most <= most_unique;
    if (unique != nullptr && *unique == true && !few)
      object.error("uniqueItems", "must stand beside a \"maxItems\" of at most 1000");
    const Json* items = object.find("items");
    if (items != nullptr && items->is_array()) object.error("items", "must be one schema for all of them");
    const Json* divisor = object.find("multipleOf");
    if (divisor != nullptr && (!divisor->is_number() || !(divisor->get<double>() > 0)))
      object.error("multipleOf", "must be a number above 0");
    const Json* which = object.find("$schema");
    if (which != nullptr && *which != draft) object.error("$schema", "must be " + std::string(draft));
  }
  void one(ObjectReader& object, std::string_view key, bool patterns) {
    const Json* value = object.find(key);
    if (value != nullptr && !value->is_array()) schema(*value, object.pointer(key), patterns);
  }
  void each_member(ObjectReader& object, std::string_view key, bool patterns) {
    const Json* value = object.find(key);
    if (value == nullptr) return;
    if (!value->is_object()) return object.error(key, "must be an object");
    for (const auto& [name, member] : value->items()) schema(member, pointer_to(object.pointer(key), name), patterns);
  }
  void each_item(ObjectReader& object, std::string_view key, bool patterns) {
    const Json* value = object.find(key);
    if (value == nullptr) return;
    if (!value->is_array() || value->empty()) return object.error(key, "must be an array of schemas");
    for (std::size_t i = 0; i < value->size(); ++i) schema((*value)[i], pointer_to(object.pointer(key), i), patterns);
  }

  FieldErrors& errors_;
};

}  // namespace

void refuse_unenforced(const Json& schema, std::string_view pointer, FieldErrors& errors) {
  Walk(errors).schema(schema, std::string(pointer), true);
}

// Where schemas are, as refuse_unenforced() has let them through.
Json without_patterns(const Json& schema) {
  if (!schema.is_object()) return schema;
  Json out = schema;
  out.erase("pattern");
  for (const char* key : {"additionalProperties", "items", "propertyNames"})
    if (out.contains(key)) out[key] = without_patterns(out[key]);
  if (out.contains("properties"))
    for (auto& [name, member] : out["properties"].items()) member = without_patterns(member);
  if (out.contains("allOf"))
    for (auto& member : out["allOf"]) member = without_patterns(member);
  return out;
}

bool has_patterns(const Json& schema) {
  return without_patterns(schema) != schema;
}

}  // namespace cordon
