// From what a resolver answered to the addresses that may be dialled: all of them, or none. Pure.
#pragma once

#include <tl/expected.hpp>
#include <vector>

#include "profiles/flow_record.hpp"
#include "profiles/ip_address.hpp"

namespace cordon::egress {

// In the order in which they are tried: IPv4 first. One denied address refuses the whole answer, for who can put a
// private address among public ones can put it first the next time (address_denied). None at all: name_not_found.
tl::expected<std::vector<IpAddress>, FlowReason> checked_answers(std::vector<IpAddress> answers);

}  // namespace cordon::egress
