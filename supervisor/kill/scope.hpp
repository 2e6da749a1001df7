// What a kill switch is engaged for, and who is in it. Pure.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace cordon {

struct Scope {
  // In the order of the words of api.md. A drill's jobs say by a label of their own that they are nothing else's.
  enum class Kind { all, tenant, actor, tool, profile, job, drill };

  Kind kind = Kind::all;
  std::string name;                                // empty: all
  auto operator<=>(const Scope&) const = default;  // NOLINT(modernize-use-nullptr): takes its 0 for a pointer
};
inline constexpr std::array scope_words{"all", "tenant", "actor", "tool", "profile", "job", "drill"};

// "all", "tenant/NAME", …; a name is 1 to 128 of [A-Za-z0-9._:@+-]. nullopt: it is none.
std::optional<Scope> parse_scope(std::string_view text);
std::string to_string(const Scope& scope);

// Everything that a job belongs to. What is empty is in no scope of that kind.
struct Membership {
  std::string tenant, actor, tool, profile, job, drill;
};
bool contains(const Scope& scope, const Membership& member);
// The scope of that kind which the member is in; nullopt: in none.
std::optional<Scope> scope_of(Scope::Kind kind, const Membership& member);

inline constexpr const char* drill_label = "cordon.drill";

}  // namespace cordon
