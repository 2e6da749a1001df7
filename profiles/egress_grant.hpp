// Where a job may connect to: "egress" in a profile, in a tool, in a job. What is not granted is denied; none, null and
// an empty list are no network at all, and there is no way to write "everything". Pure.
//
// {"name": "api.example.com" | "*.example.com"  or  "cidr": "192.0.2.0/24",
//  "ports": [443], "mode": "passthrough" | "http" | "raw",
//  "max_connections", "max_bytes_up", "max_bytes_down", "rate": {"connections_per_second", "bytes_per_second"},
//  "expires": "2027-01-31T00:00:00Z", "accept_fronting", "allow_shared_suffix"}
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/ipv4.hpp"

namespace cordon {

enum class EgressMode : std::uint8_t {
  passthrough,  // TLS that is not opened; the server name must be the granted name
  http,         // HTTP/1.1 in the clear, parsed and written anew; Host must be the granted name
  raw,          // bytes, unread
};
inline constexpr std::array<std::string_view, 3> egress_modes{"passthrough", "http", "raw"};  // in JSON, in that order

// Budgets of one job under one grant, always finite.
struct EgressBudget {
  std::uint32_t max_connections = 64;  // at once, 1..1024
  std::uint64_t max_bytes_up = std::uint64_t{64} << 20;
  std::uint64_t max_bytes_down = std::uint64_t{1} << 30;
  std::uint32_t connections_per_second = 64;
  std::uint64_t bytes_per_second = std::uint64_t{1} << 30;  // both ways together
  bool operator==(const EgressBudget&) const = default;
};

struct EgressGrant {
  std::string name;     // canonical (host_name.hpp), perhaps with "*." before it; "": network is what is granted
  Ipv4Network network;  // only when name is ""
  std::vector<std::uint16_t> ports;  // ascending, no two alike, 1..16; never 53, which is the resolver's
  EgressMode mode = EgressMode::passthrough;
  EgressBudget budget;
  std::chrono::sys_seconds expires{};  // the first second in which it holds no more; the epoch: never
  bool accept_fronting = false;        // the name is on a network that answers for many owners' names
  bool allow_shared_suffix = false;    // the wildcard reaches names of many owners
  bool operator==(const EgressGrant&) const = default;
};
using EgressGrants = std::vector<EgressGrant>;

inline constexpr std::size_t max_egress_grants = 64;
inline constexpr std::size_t max_egress_ports = 16;  // different ones in all: one listening socket each
inline constexpr std::uint8_t min_egress_prefix = 16;
inline constexpr std::uint64_t max_egress_bytes = std::uint64_t{1} << 50;
inline constexpr std::uint32_t max_egress_connections = 1024;
inline constexpr Ipv4Network synthetic_network{0xc6120000, 15};  // 198.18.0.0/15 (RFC 2544): what names become inside
inline constexpr Ipv4 synthetic_resolver = 0xc6120001;           // 198.18.0.1, port 53

constexpr bool never_expires(const EgressGrant& grant) {
  return grant.expires == std::chrono::sys_seconds{};
}
std::string to_text(const EgressGrant& grant);  // "api.example.com" or "192.0.2.0/24"

struct EgressFault {
  std::size_t grant = 0;
  std::string_view key;  // "ports"; "": the grant as a whole
  std::string detail;
};

// What must hold of grants wherever they come from, a file or a message; nullopt: it does.
std::optional<EgressFault> fault_of(const EgressGrants& grants);

// Different ports of all grants, ascending.
std::vector<std::uint16_t> ports_of(const EgressGrants& grants);

}  // namespace cordon
