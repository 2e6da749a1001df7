#include "netfilter/dns/message.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t class_in = 1, type_opt = 41;
constexpr std::uint16_t qr = 0x8000, opcode = 0x7800, truncated = 0x0200, recursion_desired = 0x0100,
                        recursion_available = 0x0080, authoritative = 0x0400;
constexpr std::uint8_t form_error = 1, not_implemented = 4, refused = 5;
constexpr std::uint16_t extended_error_option = 15, blocked = 15;  // RFC 8914 5.2
constexpr std::uint16_t our_udp_size = 1232;
constexpr std::size_t most_wire_name = 255, most_why = 64;

std::uint16_t u16(std::string_view in, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(in[at]) << 8 | static_cast<std::uint8_t>(in[at + 1]));
}

void put16(std::string& out, std::uint16_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v));
}

void put32(std::string& out, std::uint32_t v) {
  put16(out, static_cast<std::uint16_t>(v >> 16));
  put16(out, static_cast<std::uint16_t>(v));
}

struct WireName {
  std::string text;
  std::size_t size = 0;
};

// Plain labels only: a question has nothing that it could point to.
std::optional<WireName> read_name(std::string_view in) {
  WireName name;
  bool ambiguous = false;
  for (std::size_t at = 0; at < in.size() && at < most_wire_name;) {
    const std::size_t size = static_cast<std::uint8_t>(in[at++]);
    if (size == 0) {
      if (ambiguous) name.text.clear();
      name.size = at;
      return name;
    }
    if (size > 63 || at + size > in.size()) return std::nullopt;
    const auto label = in.substr(at, size);
    ambiguous = ambiguous || label.find('.') != label.npos;
    if (!name.text.empty()) name.text.push_back('.');
    name.text.append(label);
    at += size;
  }
  return std::nullopt;
}

// The root's name, OPT, a version that we know, and options that we need not: exactly to the end of the message.
bool is_opt(std::string_view in) {
  constexpr std::size_t fixed = 11;
  return in.size() >= fixed && in[0] == 0 && u16(in, 1) == type_opt && in[6] == 0 && in.size() == fixed + u16(in, 9);
}

std::string header(std::uint16_t id, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers, bool edns) {
  std::string out;
  put16(out, id);
  put16(out, flags);
  put16(out, questions);
  put16(out, answers);
  put16(out, 0);
  put16(out, edns ? 1 : 0);
  return out;
}

std::string answer_to(const DnsQuery& query, std::uint8_t rcode, std::uint16_t answers) {
  const auto asked = query.recursion_desired ? recursion_desired : std::uint16_t{0};
  const auto flags = static_cast<std::uint16_t>(qr | authoritative | recursion_available | asked | rcode);
  return header(query.id, flags, 1, answers, query.edns) + query.question;
}

void put_opt(std::string& out, const DnsQuery& query, std::string_view options) {
  if (!query.edns) return;
  out.push_back('\0');
  put16(out, type_opt);
  put16(out, our_udp_size);
  put32(out, 0);
  put16(out, static_cast<std::uint16_t>(options.size()));
  out.append(options);
}

}  // namespace

DnsRead read_dns_query(std::string_view message) {
  if (message.size() < header_size || (u16(message, 2) & qr) != 0) return NotAQuery{};
  const auto id = u16(message, 0), flags = u16(message, 2);
  const UnreadableQuery unreadable{id, form_error};
  if ((flags & opcode) != 0) return UnreadableQuery{id, not_implemented};
  const auto additional = u16(message, 10);
  const bool one_question = u16(message, 4) == 1 && u16(message, 6) == 0 && u16(message, 8) == 0;
  if (!one_question || additional > 1 || (flags & truncated) != 0 || message.size() > max_query) return unreadable;
  auto rest = message.substr(header_size);
  auto name = read_name(rest);
  if (!name || rest.size() < name->size + 4 || u16(rest, name->size + 2) != class_in) return unreadable;
  DnsQuery query{id,
                 (flags & recursion_desired) != 0,
                 std::string(rest.substr(0, name->size + 4)),
                 std::move(name->text),
                 u16(rest, name->size),
                 additional == 1};
  rest.remove_prefix(name->size + 4);
  if (query.edns ? !is_opt(rest) : !rest.empty()) return unreadable;
  return query;
}

std::string answer_address(const DnsQuery& query, Ipv4 address, std::uint32_t ttl_seconds) {
  constexpr std::uint16_t to_the_question = 0xc000 | header_size;
  auto out = answer_to(query, 0, 1);
  put16(out, to_the_question);
  put16(out, static_cast<std::uint16_t>(RecordType::a));
  put16(out, class_in);
  put32(out, ttl_seconds);
  put16(out, 4);
  put32(out, address);
  put_opt(out, query, {});
  return out;
}

std::string answer_nothing(const DnsQuery& query) {
  auto out = answer_to(query, 0, 0);
  put_opt(out, query, {});
  return out;
}

std::string refuse(const DnsQuery& query, std::string_view why) {
  const auto said = why.substr(0, most_why);
  std::string option;
  put16(option, extended_error_option);
  put16(option, static_cast<std::uint16_t>(2 + said.size()));
  put16(option, blocked);
  option.append(said);
  auto out = answer_to(query, refused, 0);
  put_opt(out, query, option);
  return out;
}

std::string answer_unreadable(const UnreadableQuery& query) {
  return header(query.id, static_cast<std::uint16_t>(qr | recursion_available | query.rcode), 0, 0, false);
}

}  // namespace cordon::egress
