#include "netfilter/http/request_target.hpp"

#include "netfilter/http/characters.hpp"

namespace cordon::egress {

namespace {

constexpr std::string_view scheme = "http://";

bool are_escapes_sound(std::string_view text) {
  for (auto at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) return false;
    if (text.substr(at + 1, 2) == "00") return false;
  }
  return true;
}

// "." and "..", also with "%2e" for a dot, and with the parameters that some servers cut off ("..;x").
bool is_dot_segment(std::string_view segment) {
  std::string dots;
  segment = segment.substr(0, segment.find(';'));
  while (!segment.empty()) {
    const bool escaped = segment.size() >= 3 && same_word(segment.substr(0, 3), "%2e");
    if (!escaped && segment[0] != '.') return false;
    dots.push_back('.');
    segment.remove_prefix(escaped ? 3 : 1);
  }
  return dots == "." || dots == "..";
}

// Behind an escaped slash, too, and an escaped backslash: one server's segment is another's two.
bool has_dot_segment(std::string_view path) {
  std::string plain;
  for (std::size_t at = 0; at < path.size(); ++at) {
    const auto escape = path.substr(at, 3);
    const bool slash = same_word(escape, "%2f") || same_word(escape, "%5c");
    plain.push_back(slash ? '/' : path[at]);
    if (slash) at += 2;
  }
  for (std::string_view rest = plain;;) {
    const auto end = rest.find('/');
    if (is_dot_segment(rest.substr(0, end))) return true;
    if (end == rest.npos) return false;
    rest.remove_prefix(end + 1);
  }
}

bool is_origin_form(std::string_view text) {
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), is_target_byte) && are_escapes_sound(text) &&
         !has_dot_segment(text.substr(0, text.find('?')));
}

}  // namespace

std::optional<RequestTarget> read_request_target(std::string_view method, std::string_view text) {
  if (text == "*" && method == "OPTIONS") return RequestTarget{"*", std::nullopt};
  if (is_origin_form(text)) return RequestTarget{std::string(text), std::nullopt};
  if (!same_word(text.substr(0, scheme.size()), scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  const auto end = std::min(text.find_first_of("/?"), text.size());
  RequestTarget target{std::string(text.substr(end)), std::string(text.substr(0, end))};
  if (!target.origin.starts_with('/')) target.origin.insert(0, "/");
  if (!is_origin_form(target.origin)) return std::nullopt;
  return target;
}

}  // namespace cordon::egress
