#include "profiles/operations_config.hpp"

#include <charconv>

namespace cordon {
namespace {

constexpr IntegerRange counts{1, 1'000'000'000}, windows{1, 86400};
constexpr std::size_t max_trip_rules = 256, max_text = 256;

void read_threshold(ObjectReader& object, DenialThreshold& into) {
  object.optional("count", counts, into.count);
  object.optional("window_seconds", windows, into.window_seconds);
}

std::string short_text(ObjectReader& object, std::string_view key) {
  auto text = object.require_string(key);
  if (text.size() > max_text) object.error(key, "has more than 256 bytes");
  return text;
}

TripRule read_trip_rule(const Json& value, std::string_view pointer, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  TripRule rule;
  rule.control = short_text(object, "control");
  rule.reason = short_text(object, "reason");
  rule.at.count = static_cast<std::uint32_t>(object.require_integer("count", counts));
  object.optional("window_seconds", windows, rule.at.window_seconds);
  std::string scope = "actor";
  object.optional("scope", scope);
  if (scope == "tool") rule.scope = TripScope::tool;
  if (scope != "actor" && scope != "tool") object.error("scope", "must be actor or tool");
  object.refuse_unknown_keys();
  return rule;
}

void read_trip_rules(ObjectReader& document, OperationsConfig& into, FieldErrors& errors) {
  const Json* rules = document.find("trip_rules");
  if (rules == nullptr) return;
  if (!rules->is_array() || rules->size() > max_trip_rules) {
    return document.error("trip_rules", "must be an array of at most 256 rules");
  }
  for (std::size_t i = 0; i < rules->size(); ++i) {
    into.trip_rules.push_back(read_trip_rule((*rules)[i], "/trip_rules/" + std::to_string(i), errors));
  }
}

void read_metrics(ObjectReader& document, OperationsConfig& into, FieldErrors& errors) {
  const Json* metrics = document.find("metrics");
  if (metrics == nullptr) return;
  ObjectReader object(*metrics, "/metrics", errors);
  into.metrics_listen = parse_loopback(object.require_string("listen"));
  if (!into.metrics_listen) object.error("listen", "must be a loopback address with a port: \"127.0.0.1:9464\"");
  object.refuse_unknown_keys();
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// 127.0.0.0/8 (RFC 1122, 3.2.1.3), written as four numbers.
bool is_loopback_v4(std::string_view host) {
  int parts = 0;
  for (; !host.empty(); ++parts) {
    const auto dot = host.find('.');
    const auto part = host.substr(0, dot);
    if (!parse_whole<std::uint8_t>(part) || (part.size() > 1 && part[0] == '0')) return false;
    if (parts == 0 && part != "127") return false;
    if (dot == std::string_view::npos) return parts == 3;
    host.remove_prefix(dot + 1);
  }
  return false;
}

}  // namespace

std::string_view to_string(TripScope scope) {
  return scope == TripScope::actor ? "actor" : "tool";
}

std::optional<LoopbackAddress> parse_loopback(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port = parse_whole<std::uint16_t>(text.substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  if (host == "[::1]") {
    host = "::1";
  } else if (!is_loopback_v4(host)) {
    return std::nullopt;
  }
  return LoopbackAddress{std::string(host), *port};
}

void read_operations(ObjectReader& document, OperationsConfig& into, FieldErrors& errors) {
  if (const Json* burst = document.find("denial_burst"); burst != nullptr) {
    ObjectReader object(*burst, "/denial_burst", errors);
    read_threshold(object, into.denial_burst);
    object.refuse_unknown_keys();
  }
  read_trip_rules(document, into, errors);
  read_metrics(document, into, errors);
}

}  // namespace cordon
