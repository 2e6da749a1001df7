#include "tests/unit/json_schema.hpp"

#include <algorithm>
#include <regex>
#include <stdexcept>

namespace cordon::test {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  throw std::logic_error("a schema with the type " + type);
}

void refuse_unknown_keywords(const Json& schema) {
  static const char* const known[] = {"$schema",      "$defs",
                                      "$ref",         "title",
                                      "description",  "default",
                                      "type",         "enum",
                                      "const",        "anyOf",
                                      "properties",   "required",
                                      "items",        "minItems",
                                      "minimum",      "maximum",
                                      "minLength",    "maxLength",
                                      "maxItems",     "pattern",
                                      "format",       "additionalProperties",
                                      "maxProperties"};
  for (const auto& [keyword, rest] : schema.items())
    if (std::find(std::begin(known), std::end(known), keyword) == std::end(known))
      throw std::logic_error("a schema with the keyword " + keyword);
}

std::string of_number(const Json& value, const Json& schema) {
  if (!value.is_number()) return "";
  if (schema.contains("minimum") && value.get<double>() < schema["minimum"].get<double>()) return "is too small";
  if (schema.contains("maximum") && value.get<double>() > schema["maximum"].get<double>()) return "is too large";
  return "";
}

std::string of_size(const Json& value, const Json& schema) {
  const auto size = value.is_string() ? value.get<std::string>().size() : value.size();
  const auto least = schema.value(value.is_string() ? "minLength" : "minItems", std::size_t{0});
  const auto most = schema.value(value.is_string() ? "maxLength" : "maxItems", static_cast<std::size_t>(-1));
  if ((value.is_string() || value.is_array()) && (size < least || size > most)) return "has a wrong length";
  if (value.is_string() && schema.contains("pattern") &&
      !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>())))
    return "does not match " + schema["pattern"].get<std::string>();
  return "";
}

std::string of_members(const Json& value, const Json& schema, const Json& root, const std::string& pointer) {
  for (const auto& name : schema.value("required", Json::array()))
    if (!value.contains(name.get<std::string>())) return pointer + " lacks " + name.dump();
  if (value.size() > schema.value("maxProperties", static_cast<std::size_t>(-1)))
    return pointer + " has too many members";
  const auto properties = schema.value("properties", Json::object());
  const auto others = schema.value("additionalProperties", Json(true));
  for (const auto& [name, member] : value.items()) {
    const auto at = pointer + "/" + name;
    if (!properties.contains(name) && others == false) return at + " is not known";
    if (!properties.contains(name) && others == true) continue;
    auto wrong = violation(member, properties.contains(name) ? properties[name] : others, root, at);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string of_items(const Json& value, const Json& schema, const Json& root, const std::string& pointer) {
  for (std::size_t i = 0; schema.contains("items") && i < value.size(); ++i) {
    auto wrong = violation(value[i], schema["items"], root, pointer + "/" + std::to_string(i));
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

std::string violation(const Json& value, const Json& schema, const Json& root, const std::string& pointer) {
  refuse_unknown_keywords(schema);
  if (schema.contains("$ref"))
    return violation(value, root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), root, pointer);
  if (schema.contains("anyOf")) {
    const auto& any = schema["anyOf"];
    const bool fits = std::any_of(any.begin(), any.end(),
                                  [&](const Json& one) { return violation(value, one, root, pointer).empty(); });
    return fits ? "" : pointer + " is none of the alternatives: " + value.dump();
  }
  if (schema.contains("const") && value != schema["const"]) return pointer + " is not " + schema["const"].dump();
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return pointer + " is not one of " + schema["enum"].dump();
  if (schema.contains("type") && !has_type(value, schema["type"]))
    return pointer + " is not of type " + schema["type"].dump();
  for (const auto& wrong : {of_number(value, schema), of_size(value, schema)})
    if (!wrong.empty()) return pointer + " " + wrong;
  if (value.is_object()) return of_members(value, schema, root, pointer);
  return value.is_array() ? of_items(value, schema, root, pointer) : "";
}

}  // namespace cordon::test
