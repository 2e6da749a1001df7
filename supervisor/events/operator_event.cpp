#include "supervisor/events/operator_event.hpp"

#include <array>

namespace cordon {
namespace {

constexpr std::size_t max_text = 1024;

struct Kind {
  std::string_view name;
  Severity severity;
};
constexpr std::array<Kind, event_kinds> kinds{{{"started", Severity::info},
                                               {"gap", Severity::warning},
                                               {"suppressed", Severity::warning},
                                               {"kill", Severity::critical},
                                               {"release", Severity::info},
                                               {"trip", Severity::critical},
                                               {"lost", Severity::warning},
                                               {"denial_burst", Severity::warning},
                                               {"setup_failed", Severity::warning},
                                               {"journal_failed", Severity::critical},
                                               {"launcher_lost", Severity::critical},
                                               {"launcher_back", Severity::info},
                                               {"reload", Severity::info},
                                               {"breaker_open", Severity::warning},
                                               {"breaker_closed", Severity::info},
                                               {"egress_lost", Severity::critical},
                                               {"egress_back", Severity::info},
                                               {"doctor", Severity::critical},
                                               {"tool", Severity::warning},
                                               {"side_effects", Severity::warning},
                                               {"ambiguous", Severity::warning},
                                               {"evidence_failed", Severity::critical},
                                               {"evidence_back", Severity::info},
                                               {"approval_wanted", Severity::warning},
                                               {"approval_given", Severity::info},
                                               {"grant_changed", Severity::info},
                                               {"context_cleared", Severity::warning},
                                               {"incident", Severity::critical}}};

const Kind& row(EventKind kind) {
  return kinds.at(static_cast<std::size_t>(kind));
}

std::string cut(const std::string& text) {
  if (text.size() <= max_text) return text;
  return text.substr(0, max_text) + "…";
}

}  // namespace

std::string_view to_string(EventKind kind) {
  return row(kind).name;
}

std::string_view to_string(Severity severity) {
  constexpr std::array<std::string_view, 3> names{"info", "warning", "critical"};
  return names.at(static_cast<std::size_t>(severity));
}

Severity usual_severity(EventKind kind) {
  return row(kind).severity;
}

std::string event_json(const OperatorEvent& event) {
  Json subject = Json::object();
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) subject[name] = cut(value);
  };
  add("actor", event.subject.actor);
  add("tenant", event.subject.tenant);
  add("tool", event.subject.tool);
  add("profile", event.subject.profile);
  add("job", event.subject.job);
  const Json json = {{"id", event.id},
                     {"time", rfc3339(event.time)},
                     {"kind", to_string(event.kind)},
                     {"severity", to_string(event.severity)},
                     {"subject", std::move(subject)},
                     {"detail", cut(event.detail)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string event_text(const OperatorEvent& event) {
  std::string out("event: ");
  out.append(to_string(event.kind)).append("\nid: ").append(std::to_string(event.id));
  return out.append("\ndata: ").append(event_json(event)).append("\n\n");
}

}  // namespace cordon
