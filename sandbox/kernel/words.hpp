// The kernel's text files, line by line and word by word, as views of what was read (proc(5)). Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace cordon {

// Takes the next line off `text`, without its end; nullopt when none is left.
inline std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// Takes the next word off `text`, and what separates it from the one before; empty when none is left.
inline std::string_view take_word(std::string_view& text) {
  constexpr std::string_view blanks = " \t\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const auto word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

// Takes off what is before the next `separator`, and that; all when there is none.
inline std::string_view take_field(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto field = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return field;
}

}  // namespace cordon
