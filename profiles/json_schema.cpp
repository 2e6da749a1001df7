// The only file that sees valijson: its headers take long to compile, and its errors are exceptions.
#define VALIJSON_USE_EXCEPTIONS 1  // otherwise what it cannot read ends the process
#include "profiles/json_schema.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "profiles/schema_rules.hpp"

namespace cordon {
namespace {

constexpr std::size_t enough_faults = 16;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

void populate(const Json& written, valijson::Schema& into) {
  const auto document = nlohmann::json::parse(written.dump());
  valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(Adapter(document), into);
}

// "<root>", "[items]", "[0]" → "/items/0".
std::string pointer_of(const std::vector<std::string>& context, std::string_view pointer) {
  std::string out(pointer);
  for (std::size_t i = 1; i < context.size(); ++i) {
    const auto& part = context[i];
    const bool bracketed = part.size() >= 2 && part.front() == '[' && part.back() == ']';
    out = pointer_to(out, bracketed ? std::string_view(part).substr(1, part.size() - 2) : std::string_view(part));
  }
  return out;
}

FieldErrors faults(const valijson::Schema& schema, const nlohmann::json& value, std::string_view pointer) {
  valijson::ValidationResults results;
  valijson::Validator validator;
  FieldErrors out;
  if (validator.validate(schema, Adapter(value), &results)) return out;
  valijson::ValidationResults::Error error;
  while (out.size() < enough_faults && results.popError(error))
    out.push_back({pointer_of(error.context, pointer), error.description});
  if (out.empty()) out.push_back({std::string(pointer), "does not match the schema"});
  return out;
}

}  // namespace

struct JsonSchema::Compiled {
  Json written;
  valijson::Schema bounds, whole;  // without its patterns, which are tried only on strings of bounded length; with them
  bool patterns = false;
};

tl::expected<JsonSchema, FieldErrors> JsonSchema::compile(const Json& schema, std::string_view pointer) {
  FieldErrors errors;
  refuse_unenforced(schema, pointer, errors);
  if (!schema.is_object() && errors.empty()) errors.push_back({std::string(pointer), "must be an object"});
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  const auto compiled = std::make_shared<Compiled>();
  compiled->written = schema;
  compiled->patterns = has_patterns(schema);
  try {
    populate(without_patterns(schema), compiled->bounds);
    if (compiled->patterns) populate(schema, compiled->whole);
  } catch (const std::exception& e) {
    return tl::unexpected(FieldErrors{{std::string(pointer), std::string("is no JSON Schema: ") + e.what()}});
  }
  return JsonSchema(compiled);
}

FieldErrors JsonSchema::check(const Json& value, std::string_view pointer) const {
  const auto document = nlohmann::json::parse(value.dump());
  auto out = faults(compiled_->bounds, document, pointer);
  if (out.empty() && compiled_->patterns) out = faults(compiled_->whole, document, pointer);
  return out;
}

const Json& JsonSchema::text() const {
  return compiled_->written;
}

}  // namespace cordon
