// What a call may change in the world, from nothing to what cannot be taken back: the words of tools, grants and
// policy. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cordon {

enum class SideEffects : std::uint8_t { read_only, reversible, irreversible, external, financial, administrative };
inline constexpr std::array<std::string_view, 6> side_effect_words{"read_only", "reversible", "irreversible",
                                                                   "external",  "financial",  "administrative"};

constexpr std::string_view to_string(SideEffects effects) {
  return side_effect_words[static_cast<std::size_t>(effects)];
}

constexpr std::optional<SideEffects> parse_side_effects(std::string_view word) {
  const auto* const at = std::find(side_effect_words.begin(), side_effect_words.end(), word);
  if (at == side_effect_words.end()) return std::nullopt;
  return static_cast<SideEffects>(at - side_effect_words.begin());
}

}  // namespace cordon
