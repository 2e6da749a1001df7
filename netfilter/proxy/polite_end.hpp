// A close that does not take away what was said last: our end first, then the tool's, within bounds (RFC 9112 9.6).
#pragma once

#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

awaitable<void> end_politely(tcp::socket& tool);

}  // namespace cordon::egress
