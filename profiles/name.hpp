// What a configuration may call an image, an actor, a tenant. Pure.
#pragma once

#include <string_view>

namespace cordon {

inline constexpr const char* name_rule = "a name has 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot";

constexpr bool is_name(std::string_view name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == name.npos && name[0] != '.';
}

}  // namespace cordon
