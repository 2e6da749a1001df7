// Octets as members of a JSON object: NAME, and NAME_encoding that says "utf8" or "base64". Pure.
#pragma once

#include <string>
#include <string_view>

#include "profiles/strict_json.hpp"

namespace cordon {

void put_octets(Json& out, const std::string& name, std::string_view bytes);
std::string octets_of(const Json& item, const std::string& name);  // what put_octets wrote

}  // namespace cordon
