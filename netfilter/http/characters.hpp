// Which bytes may stand where in HTTP/1.1 (RFC 9110 5.5 and 5.6.2, RFC 3986 3.3). Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace cordon::egress {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}
constexpr char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

constexpr bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
  });
}

// Visible ASCII, spaces, tabs, and what is not ASCII; no other control.
constexpr bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

constexpr bool is_target_byte(char c) {
  return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=:@/?%[]");
}

constexpr bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lowered(x) == lowered(y); });
}

constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_one_of(text.front(), " \t")) text.remove_prefix(1);
  while (!text.empty() && is_one_of(text.back(), " \t")) text.remove_suffix(1);
  return text;
}

}  // namespace cordon::egress
