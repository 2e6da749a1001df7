// What the per-sandbox launcher tells cordon-egress of one job: one bounded message with descriptors on a socket whose
// life is the life of the job's egress. Pure.
//
//   launcher                            cordon-egress
//   connect RUNTIME_DIR/egress.sock     SO_PEERCRED must be uid 0
//   EgressJob + descriptors     ---->   checked, served at once
//                               <----   EgressAnswer; only then may the tool start
//   ... the job runs ...                nothing more is said, either way
//   close, or death             ---->   flag, RST the far sides (SO_LINGER {1, 0}), close the listeners, RST the tools
//   (or a second EgressJob's worth of bytes: a fault, treated as a close)
//
// The descriptors ride with the message by SCM_RIGHTS (up to 18: more than sandbox/kernel/message_socket.cpp sends
// today), made in the sandbox's network namespace, in this order:
//   0       UDP, bound to `resolver` port 53
//   1       TCP, bound to `resolver` port 53 and listening
//   2 + i   TCP, bound to 0.0.0.0 and port i of ports_of(grants), listening
// cordon-egress checks each (SO_DOMAIN, SO_TYPE, SO_ACCEPTCONN, getsockname) and refuses the job when one is not so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/codec.hpp"
#include "profiles/egress_grant.hpp"
#include "profiles/job_owner.hpp"

namespace cordon {

inline constexpr std::size_t max_egress_message = 64 << 10;  // bytes
inline constexpr std::size_t max_egress_fds = 2 + max_egress_ports;
inline constexpr std::uint32_t max_wildcard_names = 64;  // one synthetic address each, in the order of first queries

// Of all grants of the job together; every one is at least 1 and finite.
struct EgressLimits {
  std::uint32_t max_connections = 256;         // at once
  std::uint32_t connections_per_second = 128;  // and as many in one burst; denied ones count
  std::uint64_t max_bytes_up = std::uint64_t{256} << 20;
  std::uint64_t max_bytes_down = std::uint64_t{4} << 30;
  std::uint32_t queries_per_second = 100;   // DNS, and as many in one burst
  std::uint32_t max_wildcard_names = 64;    // distinct names under wildcards, 1..64
  std::uint32_t max_head_bytes = 16 << 10;  // a ClientHello or a request's head, 1 KiB..64 KiB
  std::uint32_t head_ms = 10'000;           // from accept to the whole head
  std::uint32_t connect_ms = 10'000;        // name look-up and connect, each
  std::uint32_t idle_ms = 120'000;          // without a byte either way
  bool operator==(const EgressLimits&) const = default;
};

// An exact name of a grant and what it is inside. Ascending by name; every exact name of the grants once.
struct SyntheticName {
  std::string name;
  Ipv4 address = 0;  // within synthetic_network, not synthetic_resolver, no two alike
  bool operator==(const SyntheticName&) const = default;
};

struct EgressJob {
  std::string id;                // the job's id, as reports have it: is_name
  std::uint64_t generation = 0;  // of the kill switch when the job was let in, for evidence: its grants do not change
  EgressGrants grants;           // 1..64, and fault_of says nothing
  bool private_egress = false;   // the operator allows CIDR grants to reach RFC 1918, CGNAT and ULA addresses
  EgressLimits limits;
  Ipv4 resolver = synthetic_resolver;
  std::vector<SyntheticName> names;
  Ipv4 first_wildcard =
      0;                // limits.max_wildcard_names addresses from here on: within synthetic_network, not in `names`
  JobOwner owner = {};  // as cordond has it, for evidence
  bool operator==(const EgressJob&) const = default;
};

wire::Bytes encode(const EgressJob& job);
// Nothing unless every byte is as above: the one strict decoder (tests/fuzz/egress_job.cpp).
std::optional<EgressJob> decode_egress_job(std::string_view bytes);

// Names and addresses for these grants: exact names from 198.18.0.2 upwards, then the wildcards' block.
void assign_synthetic_addresses(EgressJob& job);

// What cordon-egress says to it, once.
enum class EgressRefusal : std::uint8_t {
  none = 0,         // served from now on
  malformed = 1,    // the message
  descriptors = 2,  // too few, too many, or one is not the socket it should be
  no_room = 3,      // too many jobs, descriptors or memory: try later
  duplicate = 4,    // a job of this id is served already
  no_evidence = 5,  // cordond is not connected, so no flow would be allowed
};
struct EgressAnswer {
  EgressRefusal refusal = EgressRefusal::none;
  bool operator==(const EgressAnswer&) const = default;
};
const char* to_string(EgressRefusal refusal);
wire::Bytes encode(const EgressAnswer& answer);
std::optional<EgressAnswer> decode_egress_answer(std::string_view bytes);

}  // namespace cordon
