// What a job gets of its profile's grants. Asking can only narrow: fewer names, fewer ports, smaller budgets, an
// earlier end. Pure.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "profiles/egress_grant.hpp"
#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

// The grant that decides about a name or a network at a port: the most specific one that covers it; nullptr: denied.
const EgressGrant* deciding_grant(const EgressGrants& grants, std::string_view name, std::uint16_t port);
const EgressGrant* deciding_grant(const EgressGrants& grants, Ipv4Network network, std::uint16_t port);

// `asked` is "egress" of a job: an array like the profile's, of which only the name or cidr must be there; without
// "ports" all that are granted; null and [] are none. Budgets that are not asked for are the profile's; what comes from
// one grant of the profile shares its budget in equal parts, so that many names are not many budgets. The words of risk
// are the profile's and cannot be asked for.
tl::expected<EgressGrants, FieldErrors> narrow_egress(const EgressGrants& profile, const Json& asked,
                                                      std::string_view pointer);

// The same, and none of them longer than until `end`: what they rest on ends then.
EgressGrants ending_by(EgressGrants grants, std::chrono::sys_seconds end);

// Does the profile allow all of it? For who must not believe the one who narrowed (architecture.md, law 2).
bool is_within(const EgressGrants& profile, const EgressGrants& grants);

}  // namespace cordon
