#include "profiles/tool_argument.hpp"

#include <array>

#include "profiles/canonical_json.hpp"
#include "profiles/json_reader.hpp"

namespace cordon {
namespace {

constexpr std::size_t most_arguments = 4096, most_parts = 64;
constexpr std::array<std::pair<std::string_view, ValueType>, 5> type_names{{{"string", ValueType::string},
                                                                            {"integer", ValueType::integer},
                                                                            {"number", ValueType::number},
                                                                            {"boolean", ValueType::boolean},
                                                                            {"json", ValueType::json}}};

bool is_pointer(std::string_view text) {
  if (!text.empty() && text[0] != '/') return false;
  for (std::size_t at = text.find('~'); at != text.npos; at = text.find('~', at + 1))
    if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
  return true;
}

ValueType read_type(ObjectReader& object) {
  std::string name = "string";
  object.optional("type", name);
  for (const auto& [known, type] : type_names)
    if (name == known) return type;
  object.error("type", "must be string, integer, number, boolean or json");
  return ValueType::string;
}

void read_flag(ObjectReader& object, std::string_view key, bool& into) {
  const Json* value = object.find(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return object.error(key, "must be true or false");
  into = value->get<bool>();
}

InputValue read_value(const Json& value, std::string_view pointer, bool alone, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  InputValue read;
  const auto* key = alone && object.find("each") != nullptr ? "each" : "input";
  read.each = std::string_view(key) == "each";
  if (const Json* where = object.require(key))
    read.pointer = read_string(*where, object.pointer(key), errors).value_or("");
  if (!is_pointer(read.pointer)) object.error(key, "must be a JSON pointer (RFC 6901), like \"/name\"");
  read.type = read_type(object);
  read_flag(object, "optional", read.optional);
  read_flag(object, "may_begin_with_dash", read.may_begin_with_dash);
  object.refuse_unknown_keys();
  return read;
}

Argument read_argument(const Json& value, const std::string& pointer, FieldErrors& errors) {
  if (value.is_string()) return {value.get<std::string>()};
  if (value.is_object()) return {read_value(value, pointer, true, errors)};
  Argument argument;
  if (!value.is_array() || value.empty() || value.size() > most_parts) {
    errors.push_back({pointer, "must be a text, an object that names an input, or a list of both that is joined"});
    return argument;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto& part = value[i];
    if (part.is_string()) {
      argument.emplace_back(part.get<std::string>());
    } else {
      argument.emplace_back(read_value(part, pointer_to(pointer, i), false, errors));
    }
  }
  return argument;
}

bool fits(const Json& value, ValueType type) {
  switch (type) {
    case ValueType::string:
      return value.is_string();
    case ValueType::integer:
      return value.is_number_integer() ||
             (value.is_number_float() && canonical_json(value).find_first_of(".e") == std::string::npos);
    case ValueType::number:
      return value.is_number();
    case ValueType::boolean:
      return value.is_boolean();
    case ValueType::json:
      break;
  }
  return true;
}

std::string_view name_of(ValueType type) {
  return type_names[static_cast<std::size_t>(type)].first;
}

class Substitution {
 public:
  explicit Substitution(const Json& input) : input_(input) {}

  void add(const Argument& argument) {
    if (argument.empty()) return;
    const auto* value = std::get_if<InputValue>(&argument.front());
    if (value != nullptr && value->each) return add_each(*value);
    std::string joined;
    for (const auto& part : argument) {
      if (const auto* text = std::get_if<std::string>(&part)) {
        joined += *text;
        continue;
      }
      const auto& wanted = std::get<InputValue>(part);
      const Json* found = value_at(input_, wanted.pointer);
      if (found == nullptr && wanted.optional) return;
      if (found == nullptr) return fault(wanted.pointer, "is missing: the tool's argv needs it");
      append(*found, wanted, wanted.pointer, joined);
    }
    arguments.push_back(std::move(joined));
  }

  std::vector<std::string> arguments;
  FieldErrors errors;

 private:
  void add_each(const InputValue& wanted) {
    const Json* list = value_at(input_, wanted.pointer);
    if (list == nullptr && wanted.optional) return;
    if (list == nullptr || !list->is_array()) return fault(wanted.pointer, "must be a list: the tool's argv needs it");
    for (std::size_t i = 0; i < list->size(); ++i) {
      std::string one;
      append((*list)[i], wanted, pointer_to(wanted.pointer, i), one);
      arguments.push_back(std::move(one));
    }
  }

  void append(const Json& value, const InputValue& wanted, const std::string& pointer, std::string& to) {
    if (!fits(value, wanted.type)) return fault(pointer, "must be of type " + std::string(name_of(wanted.type)));
    const auto text = wanted.type == ValueType::string ? value.get<std::string>() : canonical_json(value);
    const bool is_text = wanted.type == ValueType::string || wanted.type == ValueType::json;
    if (to.empty() && is_text && text.starts_with('-') && !wanted.may_begin_with_dash)
      return fault(pointer, "begins with '-': the tool would take it for an option");
    to += text;
  }

  void fault(std::string pointer, std::string detail) { errors.push_back({std::move(pointer), std::move(detail)}); }

  const Json& input_;
};

}  // namespace

const Json* value_at(const Json& document, const std::string& pointer) {
  const Json* at = &document;
  for (std::size_t from = 0; from < pointer.size();) {
    const auto end = std::min(pointer.find('/', from + 1), pointer.size());
    std::string key;
    for (std::size_t i = from + 1; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      key += escaped ? (pointer[i + 1] == '0' ? '~' : '/') : pointer[i];
      if (escaped) ++i;
    }
    from = end;
    if (at->is_object()) {
      const auto found = at->find(key);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      const bool is_index = !key.empty() && key.size() < 7 && key.find_first_not_of("0123456789") == key.npos &&
                            (key == "0" || key[0] != '0');
      if (!is_index || std::stoul(key) >= at->size()) return nullptr;
      at = &(*at)[std::stoul(key)];
    } else {
      return nullptr;
    }
  }
  return at;
}

std::vector<Argument> read_arguments(const Json& value, std::string_view pointer, FieldErrors& errors) {
  std::vector<Argument> out;
  if (!value.is_array() || value.empty() || value.size() > most_arguments) {
    errors.push_back({std::string(pointer), "must be a list of 1 to 4096 arguments"});
    return out;
  }
  if (!value[0].is_string() || value[0].get_ref<const std::string&>().empty())
    errors.push_back({pointer_to(pointer, 0), "must be the program, as a plain text: no input chooses what runs"});
  for (std::size_t i = 0; i < value.size(); ++i) out.push_back(read_argument(value[i], pointer_to(pointer, i), errors));
  return out;
}

tl::expected<std::vector<std::string>, FieldErrors> substitute(const std::vector<Argument>& arguments,
                                                               const Json& input) {
  Substitution made(input);
  for (const auto& argument : arguments) made.add(argument);
  if (!made.errors.empty()) return tl::unexpected(std::move(made.errors));
  return std::move(made.arguments);
}

}  // namespace cordon
