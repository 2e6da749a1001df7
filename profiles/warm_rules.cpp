#include "profiles/warm_rules.hpp"

namespace cordon {
namespace {

constexpr IntegerRange counts{0, 1024};

void refuse_more_than_max(ObjectReader& object, std::uint32_t min, std::uint32_t max) {
  if (min > max) object.error("min", "is more than max, which is " + std::to_string(max));
}

WarmCounts read_counts(const Json& value, std::string_view pointer, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  WarmCounts prestart;
  object.optional("min", counts, prestart.min);
  object.optional("max", counts, prestart.max);
  refuse_more_than_max(object, prestart.min, prestart.max);
  object.refuse_unknown_keys();
  return prestart;
}

void read_prestart(ObjectReader& rule, WarmRule& into, FieldErrors& errors) {
  const Json* prestart = rule.find("prestart");
  if (prestart == nullptr) return;
  if (!prestart->is_object()) return rule.error("prestart", "must be an object");
  for (const auto& [name, value] : prestart->items())
    into.prestart[name] = read_counts(value, pointer_to(rule.pointer("prestart"), name), errors);
}

WarmRule read_rule(const Json& value, std::string_view pointer, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  WarmRule rule;
  object.optional("min", counts, rule.min);
  object.optional("max", counts, rule.max);
  object.optional("image", rule.image);
  refuse_more_than_max(object, rule.min, rule.max);
  read_prestart(object, rule, errors);
  object.refuse_unknown_keys();
  return rule;
}

}  // namespace

WarmRules default_warm_rules() {
  WarmRule rule;
  rule.prestart["python"] = {};
  return {{"default", rule}};
}

std::optional<WarmRules> read_warm(ObjectReader& document, FieldErrors& errors) {
  const Json* warm = document.find("warm");
  if (warm == nullptr) return std::nullopt;
  WarmRules rules;
  if (!warm->is_object()) {
    document.error("warm", "must be an object");
    return rules;
  }
  for (const auto& [profile, rule] : warm->items())
    rules[profile] = read_rule(rule, pointer_to("/warm", profile), errors);
  return rules;
}

}  // namespace cordon
