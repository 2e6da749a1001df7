#include "profiles/warm_rules.hpp"

namespace cordon {
namespace {

constexpr IntegerRange counts{0, 1024};

WarmRule read_rule(const Json& value, std::string_view pointer, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  WarmRule rule;
  object.optional("min", counts, rule.min);
  object.optional("max", counts, rule.max);
  object.optional("image", rule.image);
  if (rule.min > rule.max) object.error("min", "is more than max, which is " + std::to_string(rule.max));
  object.refuse_unknown_keys();
  return rule;
}

}  // namespace

WarmRules default_warm_rules() {
  return {{"default", WarmRule{}}};
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
