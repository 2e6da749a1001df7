#include "supervisor/authority/provenance.hpp"

#include "profiles/name.hpp"

namespace cordon {
namespace {

constexpr std::size_t max_classes = 32;

std::set<std::string> strings_in(const Json& value, const char* key) {
  std::set<std::string> out;
  const auto at = value.find(key);
  if (at == value.end() || !at->is_array()) return out;
  for (const auto& item : *at) {
    if (item.is_string()) out.insert(item.get<std::string>());
  }
  return out;
}

}  // namespace

Json to_json(const Provenance& provenance) {
  return {{"trust", provenance.untrusted ? "untrusted" : "inherent"},
          {"sources", provenance.sources},
          {"data_classes", provenance.data_classes},
          {"tenants", provenance.tenants}};
}

Provenance provenance_of(const Json& value) {
  if (!value.is_object()) return {};
  const auto trust = value.find("trust");
  return {trust == value.end() || *trust != "inherent", strings_in(value, "sources"), strings_in(value, "data_classes"),
          strings_in(value, "tenants")};
}

Provenance read_declared(const Json& value, const std::string& pointer, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  std::string trust;
  object.optional("trust", trust);
  if (!trust.empty() && trust != "untrusted")
    object.error("trust", "can only be \"untrusted\": nobody vouches for himself");
  std::vector<std::string> classes;
  object.optional("data_classes", classes);
  if (classes.size() > max_classes) object.error("data_classes", "has more than 32");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (!is_name(classes[i])) errors.push_back({pointer_to(object.pointer("data_classes"), i), name_rule});
  }
  object.refuse_unknown_keys();
  Provenance declared;
  declared.untrusted = !trust.empty();
  declared.data_classes.insert(classes.begin(), classes.end());
  return declared;
}

}  // namespace cordon
