#include "profiles/egress_config.hpp"

namespace cordon {
namespace {

void read_resolvers(ObjectReader& in, EgressConfig& into, FieldErrors& errors) {
  std::vector<std::string> texts;
  in.optional("resolvers", texts);
  if (texts.size() > max_resolvers) return in.error("resolvers", "has more than 3");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto address = parse_ip_address(texts[i]);
    if (address)
      into.resolvers.push_back(*address);
    else
      errors.push_back({pointer_to(in.pointer("resolvers"), i), "must be an IP address"});
  }
}

}  // namespace

void read_egress_config(ObjectReader& document, EgressConfig& into, FieldErrors& errors) {
  const Json* value = document.find("egress");
  if (value == nullptr) return;
  ObjectReader in(*value, "/egress", errors);
  in.optional("user", into.user);
  read_resolvers(in, into, errors);
  if (const Json* is_private = in.find("private_egress")) {
    if (is_private->is_boolean())
      into.private_egress = is_private->get<bool>();
    else
      in.error("private_egress", "must be true or false");
  }
  in.refuse_unknown_keys();
}

}  // namespace cordon
