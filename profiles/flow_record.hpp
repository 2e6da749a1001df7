// What cordon-egress says of a job's network, and to whom: cordond, and cordon-ledger. Typed, bounded, binary; one
// record is one SEQPACKET message. Pure.
//
//   cordond                              cordon-egress                                     cordon-ledger
//   connect RUNTIME_DIR/egress.sock      SO_PEERCRED must be the daemon's uid; a later connection takes over
//   LedgerComes + a connection   ---->   that it opened there for flows alone (supervisor/evidence/ledger_message.hpp)
//                                        nothing is resolved or dialled yet   ---->   FlowToWrite
//                                                                                     is written, then
//                                        resolve, check, connect, relay       <----   EvidenceWritten{sequence}
//                                <----   FlowDecided, FlowClosed        what it came to, exact
//   RevokeEgress{jobs, why}      ---->   flag, RST the far sides, close their listeners, RST the tools; for good
//                                <----   Revoked{jobs}                  behind the last FlowDecided of theirs
//                                <----   FlowClosed, why                for each flow
//                                <----   LedgerLost                     and every new flow is refused until another
//                                comes
// Where there is no evidence to write, no ledger comes: cordond is asked with FlowDecided{sequence} and answers itself.
// No connection to it, or one that does not read: no new flow. Denied attempts are told to it, which records them;
// nobody waits for that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "profiles/codec.hpp"
#include "profiles/egress_grant.hpp"
#include "profiles/ip_address.hpp"
#include "profiles/job_owner.hpp"

namespace cordon {

inline constexpr std::size_t max_flow_record = 8 << 10;  // bytes

// Why a flow was not, or is no more. In JSON by the name that to_string gives.
enum class FlowReason : std::uint8_t {
  none,  // allowed; or ended as both sides wished
  // decided on what the tool said
  no_grant,          // the name or address is not granted at all
  port_not_granted,  // it is, on other ports
  grant_expired,     // also of a live flow, which is cut then
  grant_revoked,     // likewise; of all that the job had
  not_tls,           // something else on a passthrough port
  bad_client_hello,  // TLS, but not as RFC 8446 has it
  no_server_name,
  server_name_differs,  // from the granted name whose address was connected to
  encrypted_client_hello,
  bad_request,     // HTTP, but not as RFC 9112 has it, or ambiguous
  host_differs,    // the Host field or absolute target, likewise
  method_refused,  // CONNECT, TRACE
  upgrade_refused,
  head_too_large,
  head_too_slow,
  // decided on budgets
  too_many_connections,
  too_many_connections_per_second,
  too_many_queries,
  too_many_names,  // distinct ones under wildcards
  // after the decision
  no_evidence,      // it could not be written
  name_not_found,   // upstream has no address for it
  resolver_failed,  // no answer, or none that can be read
  address_denied,   // one of the answers is in the always-denied set
  connect_failed,
  bytes_up_spent,
  bytes_down_spent,
  idle,
  reset_by_tool,
  reset_by_peer,
  job_ended,
  overloaded,  // no descriptors or memory here
  no_wall,     // the packet filter behind cordon-egress does not hold
};
inline constexpr std::size_t flow_reasons = static_cast<std::size_t>(FlowReason::no_wall) + 1;
const char* to_string(FlowReason reason);  // "server_name_differs"

// Stands before anything is resolved or dialled.
struct FlowDecided {
  std::uint64_t sequence = 0;  // ascending: what EvidenceWritten names; 0: nobody waits for that
  std::string job;
  std::uint64_t generation = 0;
  std::uint64_t flow = 0;  // of the job, from 1
  std::int64_t unix_ms = 0;
  std::string name;  // canonical, or an address; "" when the tool connected to an address that stands for nothing
  std::uint16_t port = 0;
  EgressMode mode = EgressMode::passthrough;
  std::string server_name;               // TLS, as sent, if it is a canonical name
  std::string method, host, path;        // HTTP, path at most 1,024 bytes of it
  FlowReason reason = FlowReason::none;  // none: allowed
  std::uint8_t grant = 255;              // index of the grant that decided; 255: none
  bool allowed() const { return reason == FlowReason::none; }
  bool operator==(const FlowDecided&) const = default;
};

// After an allowed flow is over. Bytes are counted where they pass: taken by the kernel for the far side, and for the
// tool.
struct FlowClosed {
  std::string job;
  std::uint64_t flow = 0;
  std::int64_t unix_ms = 0;
  std::vector<IpAddress> answers;  // at most 32
  std::optional<IpAddress> dialled;
  std::uint64_t bytes_up = 0, bytes_down = 0;  // as the far side counts them
  std::uint64_t duration_us = 0;               // from accept
  FlowReason reason = FlowReason::none;
  bool operator==(const FlowClosed&) const = default;
};

// What an allowed flow has come to so far: about once a second, when it is more than was said, while cordond reads.
struct FlowMoved {
  std::string job;
  std::uint64_t flow = 0;
  std::uint64_t bytes_up = 0, bytes_down = 0;  // given to the kernel
  bool operator==(const FlowMoved&) const = default;
};

// The same denial again, counted: one record a second at most for each name, port and reason.
struct DeniedAgain {
  std::string job;
  std::string name;
  std::uint16_t port = 0;
  FlowReason reason = FlowReason::none;
  std::uint64_t times = 0;  // since the last record of it
  bool operator==(const DeniedAgain&) const = default;
};

// A question that was answered REFUSED; counted likewise. `name` is "" when it has no canonical form.
struct QueryDenied {
  std::string job;
  std::string name;
  std::uint16_t type = 0;
  FlowReason reason = FlowReason::none;
  std::uint64_t times = 0;
  bool operator==(const QueryDenied&) const = default;
};

// The last of a job: what all its flows came to. After it nothing more is said of the job.
struct JobClosed {
  std::string job;
  std::uint64_t flows_allowed = 0, flows_denied = 0;
  std::uint64_t bytes_up = 0, bytes_down = 0;
  std::uint64_t queries_answered = 0, queries_denied = 0;
  bool operator==(const JobClosed&) const = default;
};

// Of the process, answered to AskFigures.
struct EgressFigures {
  std::uint64_t jobs = 0, flows = 0, waiting_for_evidence = 0;                      // now
  std::uint64_t flows_allowed = 0, flows_denied = 0, bytes_up = 0, bytes_down = 0;  // since the start
  std::uint64_t queries_answered = 0, queries_denied = 0, upstream_queries = 0, jobs_refused = 0;
  std::vector<std::uint64_t> by_reason =
      std::vector<std::uint64_t>(flow_reasons, 0);  // denials and ends, since the start
  bool operator==(const EgressFigures&) const = default;
};

// The connection to cordon-ledger has ended: another is wanted.
struct LedgerLost {
  bool operator==(const LedgerLost&) const = default;
};

// Of these jobs nothing is let out any more, as RevokeEgress had it. What flowed has been told, and ends.
struct Revoked {
  std::vector<std::string> jobs;
  bool operator==(const Revoked&) const = default;
};

using FlowRecord = std::variant<FlowDecided, FlowClosed, DeniedAgain, QueryDenied, JobClosed, EgressFigures, LedgerLost,
                                Revoked, FlowMoved>;
wire::Bytes encode(const FlowRecord& record);
std::optional<FlowRecord> decode_flow_record(std::string_view bytes);

// To cordon-ledger: what is about to be let out, and whose it is. Allowed, and with a sequence.
struct FlowToWrite {
  JobOwner owner;
  FlowDecided decided;
  bool operator==(const FlowToWrite&) const = default;
};
wire::Bytes encode(const FlowToWrite& flow);
std::optional<FlowToWrite> decode_flow_to_write(std::string_view bytes);

// Of all that was asked up to that sequence and not answered before: a socket does not hold a thousand answers.
struct EvidenceWritten {
  std::uint64_t sequence = 0;
  bool written = true;  // false: they could not be; the flows are refused
  bool operator==(const EvidenceWritten&) const = default;
};
struct AskFigures {
  bool operator==(const AskFigures&) const = default;
};
// Nothing of these jobs is let out from here on. Of one that is not served, nothing happens.
struct RevokeEgress {
  std::vector<std::string> jobs;               // at least one, at most max_jobs_revoked
  FlowReason why = FlowReason::grant_revoked;  // or job_ended: its processes are about to be killed
  bool operator==(const RevokeEgress&) const = default;
};
inline constexpr std::size_t max_jobs_revoked = 64;          // at once
inline constexpr std::size_t max_watcher_message = 8 << 10;  // bytes
// One descriptor rides with it: a connection to cordon-ledger, where decisions go from now on.
struct LedgerComes {
  bool operator==(const LedgerComes&) const = default;
};
using WatcherMessage = std::variant<EvidenceWritten, AskFigures, RevokeEgress, LedgerComes>;
wire::Bytes encode(const WatcherMessage& message);
std::optional<WatcherMessage> decode_watcher_message(std::string_view bytes);

}  // namespace cordon
