// Grants to and from JSON. Pure.
#pragma once

#include <string_view>

#include "profiles/egress_grant.hpp"
#include "profiles/json_reader.hpp"

namespace cordon {

// "egress": [{"name": "api.example.com" | "*.example.com"  or  "cidr": "192.0.2.0/24",
//   "ports": [443], "mode": "passthrough" | "http" | "raw",
//   "max_connections", "max_bytes_up", "max_bytes_down", "rate": {"connections_per_second", "bytes_per_second"},
//   "expires": "2027-01-31T00:00:00Z", "accept_fronting": true, "allow_shared_suffix": true}]
// of a profile. Not there, null and [] are no grants. Everything that is wrong, or contradicts another grant, is an
// error with its pointer.
EgressGrants read_egress(ObjectReader& document, FieldErrors& errors);

inline constexpr EgressBudget max_egress_budget{max_egress_connections, max_egress_bytes, max_egress_bytes,
                                                max_egress_connections, max_egress_bytes};

// The parts of one item of a job's list (egress_narrow.hpp): its name or cidr, and ports and mode if they are there …
EgressGrant read_egress_ask(ObjectReader& in, FieldErrors& errors);
// … and what it may lower.
void read_lower_budget(ObjectReader& in, const EgressBudget& most, EgressBudget& into, FieldErrors& errors);
void read_earlier_end(ObjectReader& in, const EgressGrant& source, EgressGrant& into);

// Every item of such a list for its form, as far as it can be judged without the profile that it narrows.
void check_egress_asks(const Json& asked, std::string_view pointer, FieldErrors& errors);

Json to_json(const EgressGrants& grants);

// RFC 3339 in UTC and whole seconds: "2027-01-31T00:00:00Z".
std::optional<std::chrono::sys_seconds> parse_utc(std::string_view text);
std::string to_utc(std::chrono::sys_seconds time);

}  // namespace cordon
