#include "profiles/host_name.hpp"

#include <algorithm>

namespace cordon {
namespace {

using Refused = tl::unexpected<std::string_view>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What is wrong with a lower-case label; nothing: "".
std::string_view wrong_label(std::string_view label) {
  if (label.empty()) return "has an empty label, or a dot at an end";
  if (label.size() > max_host_label) return "has a label of more than 63 characters";
  if (!std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || is_lower(c) || c == '-'; }))
    return "may have only a-z, 0-9, '-' and dots; names beyond ASCII in their xn-- form";
  if (label.front() == '-' || label.back() == '-') return "has a label that begins or ends with '-'";
  return {};
}

bool is_number(std::string_view label) {
  if (std::all_of(label.begin(), label.end(), is_digit)) return true;
  return label.starts_with("0x") && std::all_of(label.begin() + 2, label.end(), is_hex_digit);
}

}  // namespace

tl::expected<std::string, std::string_view> canonical_host_name(std::string_view text) {
  if (text.empty()) return Refused("is empty");
  if (text.size() > max_host_name) return Refused("is longer than 253 characters");
  auto name = lowered(text);
  std::string_view rest = name;
  for (;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    if (const auto wrong = wrong_label(label); !wrong.empty()) return Refused(wrong);
    if (dot == rest.npos && is_number(label)) return Refused("ends in a number, as an address does: use \"cidr\"");
    if (dot == rest.npos) return name;
    rest.remove_prefix(dot + 1);
  }
}

tl::expected<std::string, std::string_view> canonical_name_pattern(std::string_view text) {
  const bool wildcard = is_wildcard(text);
  auto name = canonical_host_name(wildcard ? text.substr(2) : text);
  if (!name) return name;
  if (name->find('.') == name->npos)
    return Refused(wildcard ? "needs two labels behind the star" : "must be a full name of two labels or more");
  if (*name == "localhost.localdomain" || name->ends_with(".localhost")) return Refused("is this host itself");
  if (!wildcard) return name;
  if (name->size() + 2 > max_host_name) return Refused("is longer than 253 characters");
  return "*." + *name;
}

bool covers_name(std::string_view pattern, std::string_view name) {
  if (pattern == name) return true;
  if (!is_wildcard(pattern)) return false;
  if (is_wildcard(name)) name.remove_prefix(1);  // ".a.example.com": what it stands for has a label before that
  return name.size() >= pattern.size() && name.ends_with(pattern.substr(1));
}

}  // namespace cordon
