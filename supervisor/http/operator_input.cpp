#include "supervisor/http/operator_input.hpp"

#include <algorithm>

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;
constexpr std::size_t max_reason = 1000;

}  // namespace

bool is_reason(const std::string& text) {
  return !text.empty() && text.size() <= max_reason && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::string require_reason(ObjectReader& in) {
  auto reason = in.require_string("reason");
  if (!reason.empty() && !is_reason(reason)) in.error("reason", "must be one line of 1 to 1000 bytes");
  return reason;
}

tl::expected<std::string, Rejection> read_reason(const std::string& body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return Refused(std::move(rejection));
  }
  FieldErrors errors;
  ObjectReader in(*document, "", errors);
  auto reason = document->is_object() ? require_reason(in) : std::string();
  in.refuse_unknown_keys();
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return reason;
}

}  // namespace cordon
