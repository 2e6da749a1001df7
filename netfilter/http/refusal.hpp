// What a tool is told over HTTP when policy is in its way. Pure.
#pragma once

#include <string>
#include <string_view>

#include "profiles/flow_record.hpp"

namespace cordon::egress {

// 403, 421 and 429 for policy; 400, 408, 431 for a request that is none; 502 and 504 when the far side was not reached.
unsigned http_status(FlowReason reason);

// A whole response, "Connection: close", "X-Cordon-Deny: REASON", and a JSON body that says the same. `name` is
// canonical.
std::string http_refusal(FlowReason reason, std::string_view name, std::uint16_t port);

}  // namespace cordon::egress
