// DNS as far as a responder that forwards nothing needs it: one question in, one answer out. Strict, pure.
// Sources: RFC 1035 4, RFC 6891 (EDNS), RFC 8914 (extended errors), RFC 9619 (one question).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "profiles/ipv4.hpp"

namespace cordon::egress {

enum class RecordType : std::uint16_t { a = 1 };  // every other type has no answers here
inline constexpr std::size_t max_query = 512;     // bytes: a question and an OPT record fit twice

struct DnsQuery {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  std::string question;  // as sent: name, type and class
  std::string name;  // labels with dots between them, as sent; "" when a label has a dot of its own, and of the root
  std::uint16_t type = 0;
  bool edns = false;
  bool operator==(const DnsQuery&) const = default;
};

// Not a query: nothing is answered (an answer to an answer would be a loop). A query that cannot be read is.
struct NotAQuery {};
struct UnreadableQuery {
  std::uint16_t id = 0;
  std::uint8_t rcode = 1;  // FORMERR, NOTIMP
};
using DnsRead = std::variant<DnsQuery, UnreadableQuery, NotAQuery>;

DnsRead read_dns_query(std::string_view message);

// NOERROR with the address, or without answers.
std::string answer_address(const DnsQuery& query, Ipv4 address, std::uint32_t ttl_seconds);
std::string answer_nothing(const DnsQuery& query);
// REFUSED; for who speaks EDNS with the extended error 15 (Blocked) and `why`, at most 64 bytes of it.
std::string refuse(const DnsQuery& query, std::string_view why);
std::string answer_unreadable(const UnreadableQuery& query);

}  // namespace cordon::egress
