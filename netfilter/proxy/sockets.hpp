// What the proxy does with TCP sockets beside Asio, and what it checks of those that it is given.
#pragma once

#include <vector>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/proxy/asio.hpp"
#include "netfilter/proxy/seqpacket.hpp"
#include "profiles/ip_address.hpp"

namespace cordon::egress {

// Are these the sockets that egress_job.hpp promises, of this job, in that order?
bool are_listeners_of(const EgressJob& job, std::vector<Descriptor>& fds);

Destination destination_of(const tcp::socket& accepted);

// The other side gets an RST, now, whatever is in flight. Bytes that this socket was given and that were never sent:
// those an RST discards. A FIN behind them is one more. 0 for a descriptor that is closed.
std::uint64_t reset(tcp::socket& socket);

// Bytes that this socket was given and the kernel has not sent yet (tcp(7), SIOCOUTQNSD); 0 if it is not connected.
std::uint64_t unsent(tcp::socket& socket);

// From now on it is writable only when all that it was given is sent (tcp(7), TCP_NOTSENT_LOWAT).
void be_writable_when_sent(tcp::socket& socket);

// Does the packet filter behind this process hold? Tried with a datagram to loopback, which it must refuse.
bool is_walled();

// Would the kernel deliver to this host itself? Asked of the routing table; no packet is sent.
bool is_own_address(const IpAddress& address);

asio::ip::address to_asio(const IpAddress& address);

}  // namespace cordon::egress
