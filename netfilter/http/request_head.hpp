// The head of an HTTP/1.1 request, read strictly and written anew: what goes on is made from what was understood, never
// what came. Pure. Source: RFC 9112; where it leaves a choice to be lenient, this refuses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "profiles/flow_record.hpp"

namespace cordon::egress {

inline constexpr std::size_t most_fields = 100;

struct RequestHead {
  std::string method;
  std::string target;  // origin-form, or "*" for OPTIONS; of an absolute-form target what is behind its authority
  std::string host;    // as the Host field has it, without its port
  std::optional<std::uint16_t> host_port;
  std::optional<std::string> target_authority;  // of an absolute-form target, "host" or "host:port", as sent
  std::vector<std::pair<std::string, std::string>> fields;  // end-to-end ones, without Host and framing, in their order
  bool chunked = false;
  std::optional<std::uint64_t> length;  // of the body
  std::size_t bytes = 0;                // of the stream that the head took

  bool operator==(const RequestHead&) const = default;
};

struct HeadIncomplete {};
// bad_request, method_refused, upgrade_refused, head_too_large
using HeadRead = std::variant<HeadIncomplete, RequestHead, FlowReason>;

// Reads what has come so far. A fault in a line is told when the line is whole.
HeadRead read_request_head(std::string_view so_far, std::size_t max_bytes);

// The request that is sent: "Host: AUTHORITY", the fields, the framing, "Connection: close".
std::string write_request_head(const RequestHead& head, std::string_view authority);

// "example.com:8080" as a host and a port; nothing when it is neither (userinfo, brackets, a port of 0).
struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;
};
std::optional<Authority> read_authority(std::string_view text);

}  // namespace cordon::egress
