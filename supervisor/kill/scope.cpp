#include "supervisor/kill/scope.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr std::size_t max_name = 128;

bool is_name(std::string_view name) {
  static constexpr std::string_view more = "._:@+-";
  return !name.empty() && name.size() <= max_name && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || more.find(c) != more.npos;
  });
}

const std::string& name_of(Scope::Kind kind, const Membership& member) {
  static const std::string none;
  const std::string* const names[] = {&none,           &member.tenant, &member.actor, &member.tool,
                                      &member.profile, &member.job,    &member.drill};
  static_assert(std::size(names) == scope_words.size());
  return *names[static_cast<std::size_t>(kind)];
}

}  // namespace

std::optional<Scope> parse_scope(std::string_view text) {
  if (text == "all") return Scope{};
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto* const word = std::find(scope_words.begin() + 1, scope_words.end(), text.substr(0, slash));
  const auto name = text.substr(slash + 1);
  if (word == scope_words.end() || !is_name(name)) return std::nullopt;
  return Scope{static_cast<Scope::Kind>(word - scope_words.begin()), std::string(name)};
}

std::string to_string(const Scope& scope) {
  const std::string word = scope_words[static_cast<std::size_t>(scope.kind)];
  return scope.kind == Scope::Kind::all ? word : word + "/" + scope.name;
}

bool contains(const Scope& scope, const Membership& member) {
  return scope_of(scope.kind, member) == scope;
}

std::optional<Scope> scope_of(Scope::Kind kind, const Membership& member) {
  if (kind == Scope::Kind::all) return Scope{};
  const auto& name = name_of(kind, member);
  if (name.empty()) return std::nullopt;
  return Scope{kind, name};
}

}  // namespace cordon
