// One thing that must stay on the record: a decision, an outcome, what an operator did. Values only, and small: digests
// of what jobs read and wrote, never the bytes. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cordon {

enum class EvidenceKind : std::uint8_t {
  // by cordond
  decision,      // a job was admitted
  outcome,       // and ended
  refusal,       // what policy did not let in
  serving,       // a cordond began
  kill,          // the kill switch was engaged
  release,       // and released
  trip,          // a rule engaged it
  reload,        // configuration and profiles were loaded, or refused
  breaker,       // a circuit was opened, or closed by hand
  tool,          // a tool was re-approved, disabled, found changed
  grant,         // minted, narrowed, revoked, used up
  approval,      // asked for, given, denied, expired
  context,       // of an actor: cleared by an operator
  incident,      // an operator's incident command
  hold,          // what retention may not delete
  release_hold,  // and may again
  flow_denied,   // a job's connection was, or its question for a name
  flow_closed,   // what one came to that was let out
  // by cordon-egress
  flow,  // a job's connection is let out, and not yet dialled
  // by the launcher
  started,  // a sandbox is about to execute a job
  ended,    // and how it ended
  // by the ledger itself
  opened,     // a ledger process began
  retention,  // the oldest segment is about to be deleted
};
inline constexpr std::size_t evidence_kinds = static_cast<std::size_t>(EvidenceKind::retention) + 1;
std::string_view to_string(EvidenceKind kind);
std::optional<EvidenceKind> parse_evidence_kind(std::uint8_t number);

enum class EvidenceSource : std::uint8_t { cordond, egress, launcher, ledger };
std::string_view to_string(EvidenceSource source);
// Who may say such a thing.
EvidenceSource source_of(EvidenceKind kind);

using EvidenceTexts = std::map<std::string, std::string>;
using EvidenceNumbers = std::map<std::string, std::uint64_t>;
using EvidenceValue =
    std::variant<std::uint64_t, std::string, std::vector<std::string>, EvidenceTexts, EvidenceNumbers>;

// Names of fields are [a-z0-9_], none of the ledger's own. By custom "job", "actor", "tenant", "tool", "profile" are
// what scopes of holds are found by; "outcome" is the word of the API.
struct EvidenceRecord {
  EvidenceKind kind = EvidenceKind::decision;
  std::map<std::string, EvidenceValue> fields;

  EvidenceRecord& put(std::string name, EvidenceValue value);
  EvidenceRecord& put_text(std::string name, std::string value);  // unless it is empty
};

inline constexpr std::size_t max_evidence_fields = 64, max_evidence_items = 256, max_evidence_text = 4096,
                             max_evidence_entry = std::size_t{56} * 1024;

// What the ledger adds: these, and of cordond's "client" and "number", by which none of them is written twice.
bool is_reserved_evidence_field(std::string_view name);
struct EvidenceStamp {
  std::uint64_t index = 0;
  std::string time;  // RFC 3339, of the ledger's clock
};

// The entry as it is hashed and kept: one line of JSON, keys sorted by their octets at every level, no white space,
// numbers as decimal integers, only what RFC 8259 demands escaped; octets that are no UTF-8 became U+FFFD, and a name
// that is there already by that got a "~".
std::string evidence_line(const EvidenceRecord& record, const EvidenceStamp& stamp);

// Makes it as large as it may be at most: longer texts are cut and end in "…", further items are left out and counted
// in "left_out".
void bound(EvidenceRecord& record);

}  // namespace cordon
