#include "supervisor/text/json_string.hpp"

#include <fmt/format.h>

#include <iterator>

namespace cordon {
namespace {

bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_special(std::string& out, char c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view utf8) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (!is_special(utf8[i])) continue;
    out.append(utf8, begin, i - begin);
    append_special(out, utf8[i]);
    begin = i + 1;
  }
  out.append(utf8, begin);
}

}  // namespace cordon
