#include "supervisor/text/json_octets.hpp"

#include "supervisor/text/base64.hpp"
#include "supervisor/text/utf8.hpp"

namespace cordon {

void put_octets(Json& out, const std::string& name, std::string_view bytes) {
  const bool text = is_utf8(bytes);
  out[name] = text ? std::string(bytes) : base64(bytes);
  out[name + "_encoding"] = text ? "utf8" : "base64";
}

std::string octets_of(const Json& item, const std::string& name) {
  auto text = item.at(name).get<std::string>();
  if (item.at(name + "_encoding") == "utf8") return text;
  return decode_base64(text).value_or(std::string());
}

}  // namespace cordon
