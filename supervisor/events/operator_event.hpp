// One thing that operators are told of, and how it reads. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/strict_json.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {

enum class EventKind : std::uint8_t {
  started,          // cordond serves
  gap,              // what a reader asked for is not kept any more
  suppressed,       // too many of one kind in a minute: they are counted and logged, not told
  kill,             // a kill switch was engaged
  release,          // and released
  trip,             // a rule engaged one
  lost,             // how a job ended is not known
  denial_burst,     // many refusals of one control in one actor's jobs
  setup_failed,     // a sandbox could not be built
  journal_failed,   // what happens to jobs cannot be written down
  launcher_lost,    // cordon-launcher has gone
  launcher_back,    // and answers again
  reload,           // configuration and profiles were loaded, or refused
  breaker_open,     // a runaway loop was stopped
  breaker_closed,   // an operator lets it go on
  egress_lost,      // cordon-egress has gone
  egress_back,      // and tells of flows
  doctor,           // a check of the host failed
  tool,             // a tool was approved, switched off or on, or its files have changed
  side_effects,     // a call did what its tool's class does not allow
  ambiguous,        // whether a call that cannot be made twice has happened is not known, or was settled
  evidence_failed,  // the evidence cannot be written: nothing is started
  evidence_back,    // and can again
  approval_wanted,  // a job waits for people
  approval_given,   // one of them approved it, or it was denied
  grant_changed,    // one was made or revoked
  context_cleared,  // an operator has said that what an actor had read counts no longer
  incident,         // an operator opened one
};
inline constexpr std::size_t event_kinds = static_cast<std::size_t>(EventKind::incident) + 1;
std::string_view to_string(EventKind kind);

enum class Severity : std::uint8_t { info, warning, critical };
std::string_view to_string(Severity severity);
Severity usual_severity(EventKind kind);

// What it is about; empty members are not told.
struct Subject {
  std::string actor{}, tenant{}, tool{}, profile{}, job{};
};

struct OperatorEvent {
  std::uint64_t id = 0;  // grows, also over restarts of cordond
  WallTime time;
  EventKind kind = EventKind::started;
  Severity severity = Severity::info;
  Subject subject;
  std::string detail;  // one sentence for people
};

// {"id", "time", "kind", "severity", "subject": {…}, "detail"} on one line. Texts are cut at 1 KiB, and bytes that are
// no UTF-8 replaced: an event is small, whatever it is about.
std::string event_json(const OperatorEvent& event);
// As a Server-Sent Event (WHATWG HTML, 9.2), with the kind as its type.
std::string event_text(const OperatorEvent& event);

}  // namespace cordon
