#include "supervisor/text/uri.hpp"

namespace cordon {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What stands before the next `separator`; `rest` moves behind it.
std::string_view cut(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto piece = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return piece;
}

bool parse_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    auto pair = cut(text, '&');
    const auto name = percent_decode(cut(pair, '='));
    const auto value = percent_decode(pair);
    if (!name || !value || name->empty() || !query.emplace(*name, *value).second) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return out;
}

std::optional<Target> parse_target(std::string_view target) {
  if (target.starts_with("http://")) {  // absolute-form, which every server must accept (RFC 9112, 3.2.2)
    const auto path = target.find_first_of("/?", 7);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  if (!target.starts_with('/') || target.find('#') != std::string_view::npos) return std::nullopt;
  Target out;
  auto query = target;
  auto path = cut(query, '?').substr(1);
  while (!path.empty()) {
    const auto segment = percent_decode(cut(path, '/'));
    if (!segment) return std::nullopt;
    out.segments.push_back(*segment);
    if (path.empty() && target.substr(0, target.find('?')).ends_with('/')) out.segments.emplace_back();
  }
  if (!parse_query(query, out.query)) return std::nullopt;
  return out;
}

}  // namespace cordon
