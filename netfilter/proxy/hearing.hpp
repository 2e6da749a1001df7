// What a tool says first, as far as the grant's mode must understand it.
#pragma once

#include "netfilter/policy/authorise.hpp"
#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

struct Hearing {
  Heard heard = Unread{};
  std::string bytes;  // everything that was read so far: what is behind a head belongs to its body
  FlowReason fault = FlowReason::none;
};

// Reads until the head is whole, is none, is too large or too slow, or the tool goes away (reset_by_tool).
awaitable<Hearing> hear(tcp::socket& tool, EgressMode mode, EgressLimits limits);

}  // namespace cordon::egress
